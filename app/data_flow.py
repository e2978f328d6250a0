"""The parts of the Data page of a project: its images, its classes and the project itself."""

import streamlit as st

from app import state
from app.views import browse, project_settings, review_settings
from turn_core.services import audits, permissions, projects, runs, samples
from turn_core.services.workspace import Workspace
from turn_core.types import ClassInfo
from turn_core.types.reviewing import Role


def images(workspace: Workspace, project_id: int, classes: list[ClassInfo]) -> None:
    """Browse the samples by filters and pages; open one in detail."""
    names = {info.class_id: info.name for info in classes}
    run = runs.latest_complete_run(workspace, project_id)
    wanted = browse.filters(classes, has_run=run is not None)
    cursors = state.page_cursors("browse", (project_id, wanted))
    page = samples.browse(
        workspace,
        project_id,
        class_id=wanted.class_id,
        status=wanted.status,
        state=wanted.state,
        text=wanted.text,
        run_id=None if run is None else run.run_id,
        order=wanted.order,
        after=cursors[-1] if cursors else None,
        limit=browse.PAGE_SIZE,
    )
    opened = browse.grid(project_id, page.items, names, key="browse_grid")
    if browse.pager(cursors, page.next_cursor, page.total, len(page.items)):
        st.rerun()
    if opened is not None:
        sample = samples.get_sample(workspace, project_id, opened)
        browse.detail(project_id, sample, samples.history(workspace, project_id, opened), names)


def settings(workspace: Workspace, project_id: int, reviewer: str) -> None:
    """Change how labels are reviewed, add a class, or delete the project after its name."""
    project = projects.get_project(workspace, project_id)
    project_settings.facts(project)
    owner = permissions.role_of(workspace, reviewer, project_id) is Role.OWNER
    if changed := review_settings.form(
        audits.get_settings(workspace, project_id), may_change=owner
    ):
        audits.set_settings(workspace, project_id, changed, actor=reviewer)
        st.toast("Saved: it holds for all from the next cards on.", icon=":material/check:")
    wish = project_settings.show(project)
    if isinstance(wish, project_settings.AddClass):
        projects.add_class(workspace, project_id, wish.name, actor=reviewer)
        st.rerun()
    if isinstance(wish, project_settings.Delete):
        projects.delete_project(workspace, project_id, actor=reviewer)
        state.choose_project(None)
        st.rerun()
