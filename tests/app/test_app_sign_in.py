"""Where sign-in is configured, nobody sees anything before it; after it the name is fixed."""

from pathlib import Path

import pytest
from seeding import seed_project, seed_run
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import auth, resources, sign_in
from app.routes import api_routes
from app.routes.security import Shield
from turn_core.services import members, review
from turn_core.types.reviewing import Role

ROOT = Path(__file__).resolve().parents[2]
SAFE = {"X-Turn-Audit": "1"}


@pytest.fixture
def signed_in(monkeypatch):
    """A function that says who the provider vouches for."""
    monkeypatch.setattr(sign_in, "required", lambda: True)

    def set_name(name):
        monkeypatch.setattr(sign_in, "name", lambda: name)

    set_name(None)
    return set_name


@pytest.fixture
def client(app_workspace):
    """A browser that has opened a page, so it carries the session cookie."""
    home = Route("/", lambda _: HTMLResponse("<!doctype html>"))
    app = Starlette(routes=[*api_routes(), home], middleware=[Middleware(Shield)])
    with TestClient(app, base_url="http://localhost:8501") as opened:
        opened.get("/")
        yield opened


def shown(page):
    return " ".join(part.value for part in [*page.title, *page.markdown, *page.caption])


def open_app():
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=240).run()
    assert not page.exception
    return page


def test_without_a_secrets_file_nobody_signs_in(monkeypatch, tmp_path):
    monkeypatch.setattr(sign_in.st, "get_option", lambda _: [str(tmp_path / "none.toml")])
    assert sign_in.required() is False


def test_before_sign_in_there_is_one_page_with_one_button(app_workspace, signed_in):
    seed_project(app_workspace)
    page = open_app()
    assert "Sign in to go on" in shown(page)
    assert [button.label for button in page.button] == ["Sign in"]
    assert not page.sidebar.selectbox


def test_a_member_sees_the_app_under_the_name_of_the_provider(app_workspace, signed_in):
    seed_project(app_workspace)
    signed_in("olga@example.org")
    page = open_app()
    assert page.sidebar.selectbox
    assert "Signed in as olga" in " ".join(caption.value for caption in page.sidebar.caption)
    assert not page.sidebar.text_input  # the name cannot be changed


def test_a_stranger_sees_nothing_once_there_are_members(app_workspace, signed_in):
    seed_project(app_workspace)
    members.set_member(app_workspace, "olga@example.org", Role.OWNER, actor="olga")
    signed_in("eve@example.org")
    page = open_app()
    assert "no role here" in shown(page)
    assert not page.sidebar.selectbox


def test_routes_answer_only_to_those_who_signed_in(client, app_workspace, signed_in, monkeypatch):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    address = f"/api/projects/{project_id}/queue?run_id={run_id}"
    refused = client.get(address)
    assert refused.status_code == 401
    assert "nobody is signed in" in refused.json()["error"]
    monkeypatch.setattr(auth, "cookies", lambda: dict(client.cookies))
    signed_in("olga@example.org")
    assert auth.admitted()
    assert client.get(address).status_code == 200
    signed_in(None)
    assert not auth.admitted()
    assert client.get(address).status_code == 401


def test_nobody_decides_under_another_name(client, app_workspace, signed_in):
    project_id = seed_project(app_workspace)
    run_id = seed_run(app_workspace, project_id)
    sessions = resources.sessions()
    sessions.sign_in(str(sessions.session_id(dict(client.cookies))), "olga@example.org")
    api = f"/api/projects/{project_id}"
    card = client.get(f"{api}/queue?run_id={run_id}&limit=1").json()["candidates"][0]
    decision = {"id": card["id"], "version": 0, "action": "keep", "key": "k" * 9}
    body = {"decisions": [decision], "reviewer": "somebody else"}
    assert client.post(f"{api}/decisions", json=body, headers=SAFE).status_code == 200
    assert review.ledger(app_workspace, project_id)[0].actor == "olga@example.org"


class User:
    """What Streamlit says of a visitor."""

    def __init__(self, **claims):
        self.is_logged_in, self.claims = True, claims

    def to_dict(self):
        return self.claims


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "7", "email": "Olga@Example.org", "email_verified": True}, "olga@example.org"),
        ({"sub": "7", "email": "olga@example.org"}, "olga@example.org"),
        ({"sub": "7", "email": "olga@example.org", "email_verified": False}, "7"),
        ({"sub": "7"}, "7"),
    ],
)
def test_the_name_is_the_verified_address_else_the_subject(monkeypatch, claims, name):
    monkeypatch.setattr(sign_in.st, "user", User(**claims))
    assert sign_in.name() == name
