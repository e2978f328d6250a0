"""Sign-in against a real OpenID Connect provider on this machine, in Chromium."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from e2e_helpers import PATIENCE_MS, READY, ROOT, free_port, start_web, stop
from playwright.sync_api import Browser, Page, expect

from turn_core.config import Settings
from turn_core.services import jobs, members, review
from turn_core.services.workspace import open_workspace
from turn_core.types.reviewing import Role

SECRETS = """
[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "{secret}"
client_id = "turn-audit"
client_secret = "nothing to hide here"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def provider():
    """The address of a provider that knows Olga, Eve and Rita."""
    port = free_port()
    people = [
        {"sub": name, "email": f"{name}@example.org", "email_verified": True}
        for name in ("olga", "eve", "rita")
    ]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for person in people:
        command += ["--user-claims", json.dumps(person)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            urllib.request.urlopen(
                f"{address}/.well-known/openid-configuration", timeout=20
            ).close()
            break
        except (urllib.error.URLError, OSError):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
    yield address
    stop(process)


@pytest.fixture
def app(provider, tmp_path):
    """The address of the app with sign-in, and its workspace."""
    home, port = tmp_path / "home", free_port()
    workspace = open_workspace(Settings(home=home, database_url=""))
    jobs.beat_worker(workspace, "test")
    address, secrets = f"http://127.0.0.1:{port}", tmp_path / "secrets.toml"
    secrets.write_text(SECRETS.format(app=address, provider=provider, secret="x" * 40))
    environ = {"OMP_NUM_THREADS": "1", **os.environ, "TURN_HOME": str(home)}
    environ |= {"TURN_DATABASE_URL": "", "TURN_DATA_ROOTS": "", "HF_HUB_OFFLINE": "1"}
    environ["STREAMLIT_SECRETS_FILES"] = str(secrets)
    process = start_web(port, environ, tmp_path / "web.log")
    yield address, workspace
    stop(process)
    workspace.close()


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=name, exact=True).first.click()
    page.wait_for_selector(READY)


def test_member_of_one_project_sees_that_one_alone(app, page: Page):
    from seeding import seed_project, seed_run

    address, workspace = app
    own, other = seed_project(workspace, name="hers"), seed_project(workspace, name="theirs")
    runs = {project_id: seed_run(workspace, project_id) for project_id in (own, other)}
    members.set_member(workspace, "olga@example.org", Role.OWNER, actor="test")
    members.set_member(
        workspace, "rita@example.org", Role.REVIEWER, project_id=own, actor="olga@example.org"
    )
    page.goto(f"{address}/review?project={other}")
    page.wait_for_selector(READY)
    sign_in(page, "rita")
    page.goto(f"{address}/review?project={other}")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    expect(page).to_have_url(re.compile(f"project={own}"))
    expect(page.get_by_text("theirs")).to_have_count(0)
    status = {
        project_id: page.request.get(
            f"{address}/api/projects/{project_id}/queue?run_id={run_id}"
        ).status
        for project_id, run_id in runs.items()
    }
    assert status == {own: 200, other: 404}


def test_nothing_before_sign_in_and_the_providers_name_after_it(app, page: Page, browser: Browser):
    from seeding import seed_project, seed_run

    address, workspace = app
    project_id = seed_project(workspace)
    run_id = seed_run(workspace, project_id)
    members.set_member(workspace, "olga@example.org", Role.OWNER, actor="test")
    queue = f"{address}/api/projects/{project_id}/queue?run_id={run_id}"

    page.goto(f"{address}/review?project={project_id}")
    page.wait_for_selector(READY)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("animals")).to_have_count(0)
    assert page.request.get(queue).status == 401

    stranger = browser.new_context().new_page()
    stranger.set_default_timeout(PATIENCE_MS)
    stranger.goto(address)
    sign_in(stranger, "eve")
    expect(stranger.get_by_text("you have no role here")).to_be_visible()
    assert stranger.request.get(queue).status == 401
    stranger.get_by_role("button", name="Sign out").click()
    stranger.wait_for_url("**/oauth2/end_session?**")  # the provider's, which shows it is over
    stranger.context.close()

    sign_in(page, "olga")
    page.goto(f"{address}/review?project={project_id}")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    assert page.request.get(queue).status == 200
    page.locator(".card").press("q")
    expect(page.locator(".card")).to_have_attribute("data-saved", "1")
    assert review.ledger(workspace, project_id)[0].actor == "olga@example.org"
