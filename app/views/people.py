"""Who may do what: the members, their roles, and the form that gives one."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.format import md_escape, shorten, when
from turn_core.types.reviewing import Member, Role

ROLE_TEXT: dict[Role, str] = {
    Role.VIEWER: "Viewer: looks at all of it",
    Role.REVIEWER: "Reviewer: also decides on labels and exports them",
    Role.OWNER: "Owner: also changes data, runs, settings and members",
}
"""What each role may do, as the page says it."""


@dataclass(frozen=True, slots=True)
class Give:
    """The person wants to give this name a role, in the open project only or everywhere."""

    name: str
    role: Role
    only_here: bool


@dataclass(frozen=True, slots=True)
class Remove:
    """The person wants to take a role away."""

    member: Member


def heading(reviewer: str, role: Role | None, *, anybody: bool) -> None:
    """Say what roles there are, and which one the visitor has."""
    st.title("People")
    if not anybody:
        st.caption(
            "Nobody has a role yet: everybody may do everything. The first member is an owner."
        )
        return
    told = (
        "no role here, so you see no project" if role is None else f"the role **{role.value}** here"
    )
    st.caption(
        f"You are {md_escape(shorten(reviewer, 40))}, with {told}. Services check roles, too."
    )


def members(found: Sequence[Member], *, may_change: bool) -> Remove | None:
    """List the members; return the one whose role is to go."""
    removed = None
    for member in found:
        name, role, where, since, button = st.columns([3, 2, 2, 3, 1], vertical_alignment="center")
        name.markdown(f"**{md_escape(shorten(member.name, 60))}**")
        role.markdown(member.role.value)
        where.caption("everywhere" if member.project_id is None else "this project")
        since.caption(
            f"since {when(member.added_at)}, by {md_escape(shorten(member.added_by, 30))}"
        )
        if may_change and button.button(
            "", icon=":material/close:", key=f"remove_{member.member_id}", help="Take the role away"
        ):
            removed = Remove(member)
    return removed


def form(*, first: bool, has_project: bool, reviewer: str) -> Give | None:
    """Ask for a name and its role; return them when sent."""
    with st.form("member", border=True):
        st.markdown("**Name the first owner**" if first else "**Give a role**")
        name, role, where = st.columns([2, 3, 2], vertical_alignment="bottom")
        typed = name.text_input("Name", value=reviewer if first else "", max_chars=200)
        roles = [Role.OWNER] if first else list(Role)
        chosen = role.selectbox("Role", roles, format_func=ROLE_TEXT.__getitem__)
        places = ["Everywhere", "This project"] if has_project and not first else ["Everywhere"]
        place = where.selectbox("Where", places)
        sent = st.form_submit_button("Give the role", type="primary")
    if not (sent and typed.strip()):
        return None
    return Give(typed.strip(), chosen, only_here=place == "This project")
