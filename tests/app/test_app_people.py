"""The People page: the first owner, roles given and taken, and who may not."""

import pytest
from seeding import seed_project
from test_app_pages import texts

from app.sessions import default_reviewer
from turn_core.services import members
from turn_core.types.reviewing import Role


@pytest.fixture
def project(app_workspace):
    return seed_project(app_workspace)  # while everybody may


@pytest.fixture
def owner(app_workspace, project):
    """The visitor is the owner of the whole workspace."""
    name = default_reviewer()
    members.set_member(app_workspace, name, Role.OWNER, actor=name)
    return name


def roles(workspace):
    return {member.name: member.role for member in members.list_members(workspace)}


def test_first_member_is_an_owner(open_page, app_workspace):
    page = open_page("people")
    assert "everybody may do everything" in texts(page)
    assert page.main.selectbox[-2].options == [
        "Owner: also changes data, runs, settings and members"
    ]
    page.main.text_input[-1].set_value("ann")
    page.main.button[-1].click().run()
    assert roles(app_workspace) == {"ann": Role.OWNER}


def test_owner_gives_a_role_here_and_takes_it_away(open_page, app_workspace, project, owner):
    page = open_page("people")
    page.main.text_input[-1].set_value("ben")
    page.main.selectbox[-2].set_value(Role.REVIEWER)
    page.main.selectbox[-1].set_value("This project")
    page.main.button[-1].click().run()
    (ben,) = [m for m in members.list_members(app_workspace) if m.name == "ben"]
    assert (ben.role, ben.project_id) == (Role.REVIEWER, project)
    page.button(key=f"remove_{ben.member_id}").click().run()
    assert roles(app_workspace) == {owner: Role.OWNER}


def test_last_owner_stays_and_the_page_says_why(open_page, app_workspace, owner):
    members.set_member(app_workspace, "ben", Role.VIEWER, actor=owner)
    page = open_page("people")
    (own,) = [m for m in members.list_members(app_workspace) if m.name == owner]
    page.button(key=f"remove_{own.member_id}").click().run()
    assert "Nobody would be an owner" in texts(page)
    assert roles(app_workspace)[owner] is Role.OWNER


def test_stranger_sees_the_members_and_no_form(open_page, app_workspace):
    members.set_member(app_workspace, "ann", Role.OWNER, actor="ann")
    page = open_page("people")
    assert "no role here, so you see no project" in texts(page)
    assert "has no role in any project" in texts(page)
    assert not [box for box in page.sidebar.selectbox if box.label == "Project"]
    assert not [button for button in page.button if (button.key or "").startswith("remove_")]
    assert "Give a role" not in texts(page)
