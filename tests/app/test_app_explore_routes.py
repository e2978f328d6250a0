"""Maps and points as bytes: exact, gated, kept for ever where the address names the version."""

import json

import numpy as np
import pytest
from seeding import seed_project, seed_run
from seeding_maps import seed_exploration
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.routes import api_routes
from app.routes.security import Shield
from turn_core.durable import atomic_write
from turn_core.services import explorations, review, samples
from turn_core.store.arrays import load_array
from turn_core.types import Action, DecisionRequest

READERS = {"f8": "<f8", "f4": "<f4", "i4": "<i4", "u1": "|u1"}


@pytest.fixture
def client(app_workspace):
    """A browser that has opened a page, so it carries the session cookie."""
    home = Route("/", lambda _: HTMLResponse("<!doctype html>"))
    app = Starlette(routes=[*api_routes(), home], middleware=[Middleware(Shield)])
    with TestClient(app, base_url="http://localhost:8501") as opened:
        opened.get("/")
        yield opened


@pytest.fixture
def project(app_workspace):
    return seed_project(app_workspace)


def address(project_id, exploration_id, rest):
    return f"/api/projects/{project_id}/explorations/{exploration_id}/{rest}"


def table(data):
    """What the browser reads: the columns by name, and the names."""
    length = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + length])
    at, columns = -(-(4 + length) // 8) * 8, {}
    for name, kind, width in header["columns"]:
        size = header["number"] * width * np.dtype(READERS[kind]).itemsize
        columns[name] = np.frombuffer(data[at : at + size], READERS[kind])
        at += -(-size // 8) * 8
    assert at == len(data)
    return columns, header["names"]


def test_points_carry_labels_scores_and_names(client, app_workspace, project):
    run_id = seed_run(app_workspace, project, num_issues=10)
    made = seed_exploration(app_workspace, project, num_points=25)
    columns, names = table(client.get(address(project, made, "points")).content)
    snapshot = samples.label_snapshot(app_workspace, project)
    assert list(columns["id"]) == list(snapshot.sample_ids[:25])
    assert list(columns["given"]) == [i % 4 for i in range(25)]
    assert list(columns["suggested"]) == [(i + 1) % 4 for i in range(25)]
    assert list(columns["true"]) == [-1] * 25
    assert list(columns["issue"]) == [1] * 10 + [0] * 15
    assert columns["clean"][0] == pytest.approx(0.05)
    assert names[3] == "images/00003.png"
    sha = bytes(columns["sha"][24:32]).hex()
    assert snapshot.sha256s[3].startswith(sha)
    assert run_id


def test_points_without_a_run_say_that_nothing_is_scored(client, app_workspace, project):
    made = seed_exploration(app_workspace, project)
    columns, _ = table(client.get(address(project, made, "points")).content)
    assert set(columns["issue"]) == {2}
    assert np.isnan(columns["clean"]).all()
    assert set(columns["suggested"]) == {-1}


def test_map_and_purity_are_the_floats_of_the_file(client, app_workspace, project):
    made = seed_exploration(app_workspace, project, num_points=30)
    path = explorations.panel_file(app_workspace, project, made, 1)
    for name in ("pca", "tsne", "purity"):
        answer = client.get(address(project, made, f"panels/1/{name}?v=1"))
        assert answer.content == np.asarray(load_array(path, name), "<f4").tobytes()
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "rest",
    ["panels/1/umap", "panels/2/tsne", "panels/99/tsne", "panels/1/sample_ids", "files/x.csv",
     "panels/1/..%2F..%2Fsecret", "files/..%2Fpanel-000.safetensors", "files/panel-0.safetensors"],
)  # fmt: skip
def test_what_there_is_not_is_not_found(client, app_workspace, project, rest):
    made = seed_exploration(app_workspace, project)  # panel 2 is a linear probe: it has no map
    assert client.get(address(project, made, rest)).status_code == 404


def test_another_project_sees_nothing_of_it(client, app_workspace, project):
    made = seed_exploration(app_workspace, project)
    other = seed_project(app_workspace, name="others")
    for rest in ("points", "panels/0/pca", "files/metrics.csv"):
        assert client.get(address(other, made, rest)).status_code == 404


def test_no_cookie_no_maps(client, app_workspace, project):
    made = seed_exploration(app_workspace, project)
    client.cookies.clear()
    for rest in ("points", "panels/0/pca", "files/metrics.csv"):
        assert client.get(address(project, made, rest)).status_code == 401


def test_points_are_kept_until_a_label_changes(client, app_workspace, project):
    run_id = seed_run(app_workspace, project)
    made = seed_exploration(app_workspace, project)
    found = explorations.points(app_workspace, project, made)
    named = address(project, made, f"points?v={found.label_rev}-{run_id}")
    assert "immutable" in client.get(named).headers["cache-control"]
    sample_id, class_id = int(found.sample_ids[0]), found.class_ids[2]
    change = DecisionRequest(
        sample_id=sample_id, version=0, action=Action.RELABEL, idem_key="a" * 12, class_id=class_id
    )
    review.record(app_workspace, project, [change], actor="ann")
    answer = client.get(named)
    assert "immutable" not in answer.headers["cache-control"]
    columns, _ = table(answer.content)
    assert (columns["given"][0], columns["current"][0], columns["issue"][0]) == (0, 2, 0)


def test_files_are_sent_as_attachments(client, app_workspace, project):
    made = seed_exploration(app_workspace, project)
    atomic_write(app_workspace.files.study(made) / "metrics.csv", b"a,b\n")
    answer = client.get(address(project, made, "files/metrics.csv"))
    assert answer.content == b"a,b\n"
    told = f'attachment; filename="exploration-{made}-metrics.csv"'
    assert answer.headers["content-disposition"] == told
