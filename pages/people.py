"""People: who may look, review, or change everything; what each did, and how far they agree."""

import streamlit as st

from app import auth, state
from app.views import agreement as figures
from app.views import people as view
from app.views.told import told
from turn_core.services import agreement, members, permissions
from turn_core.types.reviewing import Role

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
found = members.list_members(workspace, project_id)
role = permissions.role_of(workspace, reviewer, project_id)
anybody = bool(members.list_members(workspace))
view.heading(reviewer, role, anybody=anybody)
with told():
    if wish := view.members(found, may_change=role is Role.OWNER):
        members.remove_member(workspace, wish.member.member_id, actor=reviewer)
        st.rerun()
    if role is Role.OWNER:
        given = view.form(first=not anybody, has_project=project_id is not None, reviewer=reviewer)
        if given:
            place = project_id if given.only_here else None
            members.set_member(workspace, given.name, given.role, project_id=place, actor=reviewer)
            st.rerun()
if project_id is not None:
    figures.reviewers(agreement.reviewers(workspace, project_id))
    figures.agreement(agreement.agreement(workspace, project_id))
