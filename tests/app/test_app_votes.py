"""Votes through our own routes: what the card is told, and what a blind reviewer is not."""

import uuid

import pytest
from seeding import seed_project, seed_run
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from app import resources
from app.routes import api_routes
from app.routes.security import Shield
from turn_core.services import audits, samples
from turn_core.types import ReviewSettings

SAFE = {"X-Turn-Audit": "1"}


@pytest.fixture
def people(app_workspace):
    """Ann and Ben, each with a browser."""
    routes = [*api_routes(), Route("/", lambda _: None)]
    app = Shield(Starlette(routes=routes))
    found = {}
    for name in ("ann", "ben"):
        client = TestClient(app, base_url="http://localhost:8501")
        value = resources.sessions().issue()
        client.cookies.set(resources.sessions().cookie, value)
        resources.sessions().set_reviewer(value.partition(".")[0], name)
        found[name] = client
    return found


@pytest.fixture
def project(app_workspace):
    project_id = seed_project(app_workspace, num_samples=6)
    settings = ReviewSettings(audit_share=0, overlap=2, blind=True)
    audits.set_settings(app_workspace, project_id, settings, actor="ann")
    return project_id, seed_run(app_workspace, project_id)


def vote(client, project_id, sample_id, action):
    decision = {"id": sample_id, "action": action, "version": 0, "key": uuid.uuid4().hex}
    address = f"/api/projects/{project_id}/decisions"
    return client.post(address, json={"decisions": [decision]}, headers=SAFE).json()["results"][0]


def test_votes_by_route_stay_hidden_from_others_until_all_are_in(people, project, app_workspace):
    project_id, run_id = project
    sample_id = int(samples.label_snapshot(app_workspace, project_id).sample_ids[0])
    history = f"/api/projects/{project_id}/samples/{sample_id}/history"
    assert vote(people["ann"], project_id, sample_id, "keep")["vote"] == "waiting"
    told = {who: client.get(history).json()["events"] for who, client in people.items()}
    assert [(event["actor"], event["vote"]) for event in told["ann"]] == [("ann", True)]
    assert told["ben"] == []

    counts = f"/api/projects/{project_id}/queue/counts?run_id={run_id}"
    left = {who: client.get(counts).json() for who, client in people.items()}
    assert (left["ann"]["queue"], left["ben"]["queue"]) == (5, 6)
    assert vote(people["ben"], project_id, sample_id, "exclude")["vote"] == "disputed"
    assert [e["actor"] for e in people["ann"].get(history).json()["events"]] == ["ann", "ben"]
    now = people["ann"].get(counts).json()
    assert (now["disagreement"], now["total"][0]) == (1, 5)

    chosen = people["ann"].get(f"/api/projects/{project_id}/queue/selection?run_id={run_id}")
    assert len(chosen.json()["samples"]) == 5
