"""What the parts of pages that show studies share: which is open, how far it is, deleting it."""

import streamlit as st

from app import job_flow, state
from app.views import progress, study_list
from turn_core.services import studies
from turn_core.services.workspace import Workspace
from turn_core.types.studies import P, Study, StudyKind


def choose(
    workspace: Workspace,
    kind: StudyKind[P],
    project_id: int,
    reviewer: str,
    *,
    deletes: str,
    pairs: bool = False,
) -> list[Study[P]]:
    """Return the study that is open, and one beside it; none where a new one is wanted.

    `deletes` says what goes with a study; with `pairs` a second one may be chosen.
    """
    found = studies.list_studies(workspace, kind, project_id)
    known = {study.study_id: study for study in found}
    opened = state.study_id(kind.name)
    choice = study_list.choose(kind, found, opened, deletes=deletes, pairs=pairs)
    if choice.opened != opened and known:
        state.open_study(kind.name, choice.opened)
        st.rerun()
    if choice.delete:
        studies.delete_study(workspace, kind, project_id, choice.opened, actor=reviewer)
        state.open_study(kind.name, None)
        st.rerun()
    return [known[key] for key in (choice.opened, choice.other) if key in known]


def open_started(study: Study[P]) -> None:
    """Open a study that was just started."""
    state.open_study(study.kind.name, study.study_id)
    st.rerun()


def follow(workspace: Workspace, study: Study[P], reviewer: str) -> None:
    """Show the job under way; run the page again whenever more is ready."""
    if study.state not in progress.ACTIVE:
        study_list.ended(study)
        return
    key = f"{study.kind.job}_{study.study_id}"
    job_flow.follow(workspace, study.job_id, reviewer, key=key)

    @st.fragment(run_every="2s")
    def watch() -> None:
        now = studies.get_study(workspace, study.kind, study.project_id, study.study_id)
        if now.parts != study.parts:
            st.rerun()

    watch()
