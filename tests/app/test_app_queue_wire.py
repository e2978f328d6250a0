"""A queue as query parameters, and what the routes answer to them."""

import pytest
from seeding import seed_project, seed_run
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.routes import api_routes
from app.routes.queue_wire import queue_from, queue_query
from app.routes.security import Shield
from app.sessions import default_reviewer
from turn_core.errors import DataError
from turn_core.services import members, projects
from turn_core.types import QueueFilter, QueueKind, ReviewStatus
from turn_core.types.reviewing import Role


@pytest.mark.parametrize(
    "queue",
    [
        QueueFilter(),
        QueueFilter(kind=QueueKind.PAIR, given_class_id=3, suggested_class_id=5, high=0.25),
        QueueFilter(kind=QueueKind.TAG, tag_id=7, class_id=2),
        QueueFilter(kind=QueueKind.NEAR_TAU, low=0.0, high=1.0),
        QueueFilter(statuses=(ReviewStatus.KEPT, ReviewStatus.NEEDS_REVIEW)),
    ],
)
def test_a_queue_comes_back_from_its_query(queue):
    assert queue_from(queue_query(queue)) == queue


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"kind": "newest"}, "kind must be one of worst_first"),
        ({"status": "kept,maybe"}, "status must be one of pending"),
        ({"class_id": "-1"}, "class_id must be a whole number"),
        ({"low": "much"}, "low must be a number"),
        ({"low": "2"}, "low to high"),
        ({"kind": "pair", "given": "1"}, "needs both classes"),
    ],
)
def test_a_query_that_is_no_queue_is_refused(query, told):
    with pytest.raises(DataError, match=told):
        queue_from(query)


@pytest.fixture
def client(app_workspace):
    """A browser that has opened a page, so it carries the session cookie."""
    home = Route("/", lambda _: HTMLResponse("<!doctype html>"))
    app = Starlette(routes=[*api_routes(), home], middleware=[Middleware(Shield)])
    with TestClient(app, base_url="http://localhost:8501") as opened:
        opened.get("/")
        yield opened


def test_queue_of_a_pair_and_the_counts_of_all(client, app_workspace):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    cat, dog = (info.class_id for info in projects.classes(app_workspace, project_id)[:2])
    address = f"/api/projects/{project_id}/queue"
    pair = f"run_id={run_id}&kind=pair&given={cat}&suggested={dog}"
    cards = client.get(f"{address}?{pair}").json()["candidates"]
    assert [(card["given"], card["suggested"]) for card in cards] == [(cat, dog)] * 10
    counts = client.get(f"{address}/counts?{pair}").json()
    assert counts["queue"] == 10
    assert [cat, dog, 10, 3] in counts["pairs"]
    assert counts["total"] == [40, 10]


def test_a_batch_is_decided_undone_and_redone_through_the_routes(client, app_workspace):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    api, safe = f"/api/projects/{project_id}", {"X-Turn-Audit": "1"}
    table = client.get(f"{api}/queue/selection?run_id={run_id}&high=0.2").json()
    assert table["columns"][:2] == ["sample_id", "version"]
    ids = [row[0] for row in table["samples"]]
    decisions = [{"id": i, "version": 0, "action": "keep", "key": f"unused-{i}"} for i in ids]
    batch, rest = "batch-one", {"reviewer": "ann"}
    body = {"decisions": decisions, "batch": batch, **rest}
    answer = client.post(f"{api}/decisions", json=body, headers=safe).json()
    assert {result["outcome"] for result in answer["results"]} == {"saved"}
    for turn, key, status in (("undo", "undo-one", "pending"), ("redo", "redo-one", "kept")):
        body = {"key": key, **rest}
        answer = client.post(f"{api}/batches/{batch}/{turn}", json=body, headers=safe).json()
        assert [result["status"] for result in answer["results"]] == [status] * len(ids)
        batch = key
    assert client.post(f"{api}/batches/none/undo", json=body, headers=safe).status_code == 404
    assert client.post(f"{api}/batches/none/undo", json={}, headers=safe).status_code == 422


def test_two_browsers_get_different_cards_and_a_left_page_gives_back(client, app_workspace):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    api, safe = f"/api/projects/{project_id}", {"X-Turn-Audit": "1"}
    with TestClient(client.app, base_url="http://localhost:8501") as other:
        other.get("/")

        def cards(browser):
            found = browser.get(f"{api}/queue?run_id={run_id}&limit=3&low=0").json()["candidates"]
            return [card["rank"] for card in found]

        assert cards(client) == [0, 1, 2]
        assert cards(other) == [3, 4, 5]
        client.get(f"{api}/queue/counts?run_id={run_id}")
        assert client.post(f"{api}/claims/release", json={}).status_code == 403
        assert client.post(f"{api}/claims/release", json={}, headers=safe).status_code == 200
        assert cards(other) == [0, 1, 2]


def test_a_viewer_sees_the_queue_and_is_refused_when_deciding(client, app_workspace):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    members.set_member(app_workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(app_workspace, default_reviewer(), Role.VIEWER, actor="olga")
    api, safe = f"/api/projects/{project_id}", {"X-Turn-Audit": "1"}
    card = client.get(f"{api}/queue?run_id={run_id}&limit=1").json()["candidates"][0]
    decision = {"id": card["id"], "version": 0, "action": "keep", "key": "k" * 9}
    body = {"decisions": [decision], "reviewer": "vic"}
    answer = client.post(f"{api}/decisions", json=body, headers=safe)
    assert answer.status_code == 403
    assert "'vic' is no member" in answer.json()["error"]
    body["reviewer"] = "olga"
    assert client.post(f"{api}/decisions", json=body, headers=safe).status_code == 200
