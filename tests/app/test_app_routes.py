"""Our own routes: who may call them, what they refuse, and that uploads and decisions are exact."""

import uuid
from collections.abc import Iterator

import pytest
from seeding import seed_project, seed_run
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import resources
from app.routes import api_routes
from app.routes.security import Shield
from turn_core.durable import atomic_write
from turn_core.services import review, samples, uploads

SAFE = {"X-Turn-Audit": "1"}
HOST = "http://localhost:8501"


def page(_request):
    return HTMLResponse("<!doctype html>")


@pytest.fixture
def client(app_workspace) -> Iterator[TestClient]:
    """A browser that has opened a page, so it carries the session cookie."""
    app = Starlette(routes=[*api_routes(), Route("/", page)], middleware=[Middleware(Shield)])
    with TestClient(app, base_url=HOST) as opened:
        opened.get("/")
        yield opened


@pytest.fixture
def project(app_workspace):
    project_id = seed_project(app_workspace)
    return project_id, seed_run(app_workspace, project_id)


def decision(sample_id, action="keep", version=0, **more):
    return {"id": sample_id, "action": action, "version": version, "key": uuid.uuid4().hex, **more}


def decide(client, project_id, *decisions, headers=SAFE, **body):
    body = {"decisions": list(decisions), "reviewer": "ann", **body}
    return client.post(f"/api/projects/{project_id}/decisions", json=body, headers=headers)


def first_sample(workspace, project_id):
    return samples.browse(workspace, project_id, limit=1).items[0]


# --- who may call ---------------------------------------------------------------------------


def test_page_sets_a_strict_cookie_and_strict_headers(client):
    client.cookies.clear()
    answer = client.get("/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' blob: 'sha256-" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_api_answers_only_to_our_own_cookie(client, project):
    address = f"/api/projects/{project[0]}/queue?run_id={project[1]}"
    assert client.get(address).status_code == 200
    name, value = next(iter(client.cookies.items()))
    client.cookies.clear()
    assert client.get(address).status_code == 401
    forged = value[:-4] + ("0000" if not value.endswith("0000") else "1111")
    client.cookies.set(name, forged)
    assert client.get(address).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Turn-Audit": "1", "Origin": "http://evil.example"},
        {"X-Turn-Audit": "1", "Origin": "http://localhost:9999"},
        {"X-Turn-Audit": "1", "Origin": "null"},
        {"X-Turn-Audit": "1", "Origin": "http://[::1"},
        {"X-Turn-Audit": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Turn-Audit": "1", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_decision_from_another_site_is_refused(client, project, app_workspace, headers):
    sample = first_sample(app_workspace, project[0])
    answer = decide(client, project[0], decision(sample.sample_id), headers=headers)
    assert answer.status_code == 403
    assert review.ledger(app_workspace, project[0]) == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1@evil", ""])
def test_other_host_names_are_refused(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 400


def test_own_origin_is_accepted(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    answer = decide(
        client, project[0], decision(sample.sample_id), headers={**SAFE, "Origin": HOST}
    )
    assert answer.status_code == 200


def test_socket_from_another_site_is_closed(client):
    for origin in ("http://evil.example", "http://localhost:9999"):
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            client.websocket_connect(
                "/_stcore/stream", headers={"Origin": origin, "Host": "localhost:8501"}
            ),
        ):
            pass
        assert closed.value.code == 1008


# --- decisions and queue --------------------------------------------------------------------


def test_decision_is_recorded_once_however_often_it_is_sent(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    sent = decision(sample.sample_id, "exclude", seconds=1.5)
    first = decide(client, project[0], sent).json()["results"][0]
    again = decide(client, project[0], sent).json()["results"][0]
    assert (first["outcome"], again["outcome"]) == ("saved", "replayed")
    (event,) = review.ledger(app_workspace, project[0])
    assert (event.actor, event.action, event.seconds_spent) == ("ann", "exclude", 1.5)


def test_stale_version_is_a_conflict_that_shows_how_it_stands(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    decide(client, project[0], decision(sample.sample_id, "exclude"))
    result = decide(client, project[0], decision(sample.sample_id, "keep")).json()["results"][0]
    assert result["outcome"] == "conflict"
    assert (result["status"], result["version"]) == ("excluded", 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"decisions": []},
        {"decisions": "keep"},
        {"decisions": [{}]},
        {"decisions": [{"id": 1, "version": 0, "action": "delete", "key": "k" * 9}]},
        {"decisions": [{"id": "1", "version": 0, "action": "keep", "key": "k" * 9}]},
        {"decisions": [{"id": 1, "version": True, "action": "keep", "key": "k" * 9}]},
        {"decisions": [{"id": 1, "version": 0, "action": "keep", "key": "k"}]},
        {"decisions": [{"id": 1, "version": 0, "action": "keep", "key": "k" * 9, "seconds": -1}]},
        {"decisions": [{"id": 1, "version": 0, "action": "relabel", "key": "k" * 9, "class": 1.5}]},
        {"decisions": [{"id": 1, "version": 0, "action": ["keep"], "key": "k" * 9}]},
        {"decisions": [{"id": 1, "version": 0, "action": "keep", "key": "k" * 9, "queue": "a\0"}]},
    ],
)
def test_malformed_decisions_are_refused_in_one_sentence(client, project, app_workspace, bad):
    address = f"/api/projects/{project[0]}/decisions"
    answer = client.post(address, json=bad, headers=SAFE)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert review.ledger(app_workspace, project[0]) == []


def test_body_that_is_no_json_or_too_large_is_refused(client, project):
    address = f"/api/projects/{project[0]}/decisions"
    for body in (b"{", b" " * 1_100_000, b"[" * 500_000):
        assert client.post(address, content=body, headers=SAFE).status_code == 422


def test_reviewer_of_the_session_counts_where_none_is_named(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    sessions = resources.sessions()
    sessions.set_reviewer(str(sessions.session_id(dict(client.cookies))), "zoë")
    decide(client, project[0], decision(sample.sample_id), reviewer=None)
    assert review.ledger(app_workspace, project[0])[0].actor == "zoë"


def test_queue_goes_on_after_a_sample(client, project):
    address = f"/api/projects/{project[0]}/queue?run_id={project[1]}&limit=3"
    first = client.get(address).json()
    assert [card["rank"] for card in first["candidates"]] == [0, 1, 2]
    assert first["progress"]["issues"] == 10
    more = client.get(address + f"&after={first['candidates'][-1]['id']}").json()
    assert [card["rank"] for card in more["candidates"]] == [3, 4, 5]


@pytest.mark.parametrize(
    "query", ["", "run_id=x", "run_id=-1", "run_id=1&limit=999", "run_id=" + "9" * 5000]
)
def test_queue_refuses_what_it_cannot_read(client, project, query):
    assert client.get(f"/api/projects/{project[0]}/queue?{query}").status_code == 422


def test_things_of_another_project_are_not_found(client, project, app_workspace):
    other = seed_project(app_workspace, name="other")
    sample = first_sample(app_workspace, project[0])
    assert client.get(f"/api/projects/{other}/queue?run_id={project[1]}").status_code == 404
    assert client.get(f"/api/projects/{other}/samples/{sample.sample_id}/thumb").status_code == 404
    assert decide(client, other, decision(sample.sample_id)).status_code == 404


# --- images and exports ---------------------------------------------------------------------


def test_images_are_webp_and_may_be_kept_for_ever_by_their_hash(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    address = f"/api/projects/{project[0]}/samples/{sample.sample_id}"
    for kind in ("thumb", "preview"):
        answer = client.get(f"{address}/{kind}?v={sample.sha256[:16]}")
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
        assert "no-cache" in client.get(f"{address}/{kind}").headers["cache-control"]


@pytest.mark.parametrize(
    "tail",
    [
        "samples/1/../../../../secret",
        "samples/%2e%2e/thumb",
        "samples/1%2f..%2f2/thumb",
        "exports/x",
        f"samples/{2**63}/thumb",
        f"exports/{2**63}",
    ],
)
def test_paths_in_addresses_lead_nowhere(client, project, tail):
    assert client.get(f"/api/projects/{project[0]}/{tail}").status_code == 404


def test_export_comes_as_an_attachment_with_a_plain_name(client, project, monkeypatch, tmp_path):
    file = tmp_path / 'labels";\r\nX-Evil: 1.csv'
    file.write_bytes(b"a,b\r\n")
    monkeypatch.setattr("app.routes.exports.exports.export_file", lambda *_: file)
    answer = client.get(f"/api/projects/{project[0]}/exports/1")
    assert answer.content == b"a,b\r\n"
    assert "x-evil" not in answer.headers
    assert answer.headers["content-disposition"].startswith("attachment")


# --- uploads --------------------------------------------------------------------------------


def create(client, name="set.zip", size=10):
    answer = client.post("/api/uploads", json={"name": name, "size": size}, headers=SAFE)
    return answer.json()["token"]


def test_upload_in_pieces_is_byte_identical(client, app_workspace):
    data = bytes(range(256)) * 10_000  # 2.5 MB: more than one write per piece
    token = create(client, size=len(data))
    for start in range(0, len(data), 1_500_000):
        piece = data[start : start + 1_500_000]
        address = f"/api/uploads/{token}?offset={start}"
        answer = client.put(address, content=piece, headers=SAFE)
        assert answer.json()["offset"] == start + len(piece)
    assert client.post(f"/api/uploads/{token}/finish", headers=SAFE).status_code == 200
    assert uploads.upload_path(app_workspace, token).read_bytes() == data


def test_upload_says_how_far_it_is_and_a_repeated_piece_changes_nothing(client, app_workspace):
    token = create(client, size=10)
    address = f"/api/uploads/{token}"
    client.put(f"{address}?offset=0", content=b"01234", headers=SAFE)
    client.put(f"{address}?offset=0", content=b"01234", headers=SAFE)
    assert client.get(address).json() == {"offset": 5}
    assert client.put(f"{address}?offset=7", content=b"789", headers=SAFE).status_code == 409
    client.put(f"{address}?offset=5", content=b"56789", headers=SAFE)
    client.post(f"{address}/finish", headers=SAFE)
    assert uploads.upload_path(app_workspace, token).read_bytes() == b"0123456789"


def test_upload_refuses_what_it_cannot_take(client):
    for body in ({"name": "set.zip"}, {"name": 1, "size": 1}, {"name": "a.exe", "size": 1}):
        assert client.post("/api/uploads", json=body, headers=SAFE).status_code == 422
    token = create(client, size=4)
    too_long = client.put(f"/api/uploads/{token}?offset=0", content=b"12345", headers=SAFE)
    assert too_long.status_code == 422
    assert client.post(f"/api/uploads/{token}/finish", headers=SAFE).status_code == 422
    assert client.put("/api/uploads/..%2f..%2fx?offset=0", headers=SAFE).status_code == 404
    client.delete(f"/api/uploads/{token}", headers=SAFE)
    assert client.get(f"/api/uploads/{token}").status_code == 404


def test_damaged_image_is_told_in_one_sentence(client, project, app_workspace):
    sample = first_sample(app_workspace, project[0])
    blob = app_workspace.files.blob(sample.sha256)
    atomic_write(blob, b"not an image")
    answer = client.get(f"/api/projects/{project[0]}/samples/{sample.sample_id}/preview")
    assert answer.status_code == 422
    assert answer.json()["error"]
