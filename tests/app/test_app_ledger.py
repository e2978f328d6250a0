"""The Ledger page: its filters and pages, and the file behind its links."""

import csv
import io
import uuid

import pyarrow.parquet as pq
import pytest
from seeding import seed_project
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from test_app_pages import texts

from app.routes import api_routes
from app.routes.security import Shield
from app.views import browse
from turn_core.services import review, samples
from turn_core.types import Action, DecisionRequest


@pytest.fixture
def project(app_workspace):
    """Ann keeps all but one of 70 images, which Ben excludes."""
    project_id = seed_project(app_workspace, num_samples=70, num_images=3)
    ids = samples.label_snapshot(app_workspace, project_id).sample_ids
    for actor, action, chosen in (
        ("ann", Action.KEEP, ids[:-1]),
        ("ben", Action.EXCLUDE, ids[-1:]),
    ):
        requests = [
            DecisionRequest(sample_id=int(i), version=0, action=action, idem_key=uuid.uuid4().hex)
            for i in chosen
        ]
        review.record(app_workspace, project_id, requests, actor=actor)
    return project_id


def test_filter_and_pages_show_the_decisions(open_page, project):
    page = open_page("ledger")
    assert page.main.dataframe[0].value["Who"].tolist()[0] == "ben"
    assert len(page.main.dataframe[0].value) == browse.PAGE_SIZE
    page.button(key="browse_next").click().run()
    assert len(page.main.dataframe[0].value) == 70 - browse.PAGE_SIZE
    page.main.selectbox[0].set_value("ben").run()
    assert page.main.dataframe[0].value["Decision"].tolist() == ["Excluded"]
    page.main.selectbox[1].set_value(Action.SKIP).run()
    assert "No decision is like that yet" in texts(page)


def test_file_has_what_the_filter_asks_for_and_refuses_nonsense(app_workspace, project):
    app = Starlette(
        routes=[*api_routes(), Route("/", lambda _: HTMLResponse("<!doctype html>"))],
        middleware=[Middleware(Shield)],
    )
    with TestClient(app, base_url="http://localhost:8501") as client:
        address = f"/api/projects/{project}/ledger.csv"
        assert client.get(address).status_code == 401
        client.get("/")
        answer = client.get(address, params={"actor": "ben", "bulk": "false"})
        rows = list(csv.DictReader(answer.text.splitlines()))
        assert [row["action"] for row in rows] == ["exclude"]
        assert "attachment" in answer.headers["content-disposition"]
        assert client.get(address, params={"action": "destroy"}).status_code == 422
        parquet = client.get(address.replace("csv", "parquet"), params={"actor": "ben"})
        assert 'filename="ledger-' in parquet.headers["content-disposition"]
        assert pq.read_table(io.BytesIO(parquet.content))["actor"].to_pylist() == ["ben"]
        assert client.get("/api/projects/999/ledger.csv").status_code == 404
