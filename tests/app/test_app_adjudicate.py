"""What people see of votes: the adjudication page, the figures of agreement, the list of votes."""

import csv
import io

import pyarrow.parquet as pq
import pytest
from seeding import seed_project
from seeding_votes import seed_votes
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from test_app_pages import texts

from app.components import adjudication
from app.routes import api_routes
from app.routes.security import Shield
from app.sessions import default_reviewer
from app.views import adjudicating
from turn_core.services import members, projects, votes
from turn_core.types import Action
from turn_core.types.reviewing import Role


@pytest.fixture
def project(app_workspace):
    return seed_votes(app_workspace)


def shown(page):
    """What the component of the page was given, as text."""
    (element,) = [
        element for element in page.get("bidi_component") if "adjudication" in str(element.proto)
    ]
    return str(element.proto)


def test_page_shows_who_voted_what_where_reviewers_disagree(open_page, app_workspace, project):
    card = shown(open_page("adjudicate"))
    assert "images/00000.png" in card
    assert "images/00002.png" not in card  # on which they agree
    classes = projects.classes(app_workspace, project)
    page = votes.conflicts(app_workspace, project)
    data = adjudicating.card_data(page, classes, project_id=project)
    first = data["conflicts"][0]
    assert [vote["who"] for vote in first["votes"]] == ["ann", "ben"]
    assert [vote["text"] for vote in first["votes"]] == ["cat", "owl"]
    assert [(choice["text"], choice["action"]) for choice in first["choices"]] == [
        ("cat", "keep"),
        ("owl", "relabel"),
    ]
    assert sum(bool(choice["tag"]) for choice in first["choices"]) == 1  # the consensus


def test_what_the_component_sends_is_read_and_nothing_else(project):
    wish = {"sample": 1, "version": 0, "action": "relabel", "class": 3, "key": "k", "seconds": 2}
    found = adjudication._read(wish)
    assert (found.sample_id, found.action, found.class_id) == (1, Action.RELABEL, 3)
    for wrong in (None, {**wish, "action": "undo"}, {**wish, "sample": "1"}, {**wish, "key": 5}):
        assert adjudication._read(wrong) is None


def test_who_is_no_owner_is_told_whom_to_ask(open_page, app_workspace, project):
    members.set_member(app_workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(app_workspace, default_reviewer(), Role.REVIEWER, actor="olga")
    page = open_page("adjudicate")
    assert "An owner settles" in texts(page)
    assert not [one for one in page.get("bidi_component") if "adjudication" in str(one.proto)]


def test_without_a_conflict_the_page_says_how_to_have_several_votes(open_page, app_workspace):
    seed_project(app_workspace)
    assert "raise the number on Data" in texts(open_page("adjudicate"))


def test_people_shows_agreement_and_what_each_did(open_page, project):
    page = open_page("people")
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Images with all votes"] == "6"
    assert metrics["Agreement"] == "66.7 %"
    tables = [table.value for table in page.main.dataframe]
    assert tables[0]["Reviewer"].tolist() == ["ann", "ben"]
    assert tables[1]["Images in common"].tolist() == [6]


def test_ledger_lists_the_votes_and_gives_them_as_files(open_page, app_workspace, project):
    page = open_page("ledger")
    page.segmented_control(key="ledger_part").select("Votes").run()
    table = page.main.dataframe[0].value
    assert table["Who"].tolist()[:2] == ["ann", "ben"]
    assert table["For"].tolist()[:2] == ["cat", "owl"]
    app = Starlette(
        routes=[*api_routes(), Route("/", lambda _: HTMLResponse("<!doctype html>"))],
        middleware=[Middleware(Shield)],
    )
    with TestClient(app, base_url="http://localhost:8501") as client:
        client.get("/")
        address = f"/api/projects/{project}/votes"
        rows = list(csv.DictReader(client.get(f"{address}.csv").text.splitlines()))
        parquet = pq.read_table(io.BytesIO(client.get(f"{address}.parquet").content)).to_pylist()
        assert client.get("/api/projects/999/votes.csv").status_code == 404
    assert [row["class_name"] for row in rows[:2]] == ["cat", "owl"]
    assert [row["vote_id"] for row in parquet] == [int(row["vote_id"]) for row in rows]
