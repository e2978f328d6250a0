"""The parts of the Quality page that read more than its numbers, and what its clicks do."""

import streamlit as st

from app import job_flow, state
from app.views import progress
from app.views import quality_pictures as pictures
from app.views import what_if as what_if_view
from app.views.told import told
from turn_core.services import projects, quality_classes, tags, what_if
from turn_core.services.quality_classes import SecondOpinion
from turn_core.services.workspace import Workspace
from turn_core.types import Run

OPINION_TAG = "Second opinion, round {number}"


def classes(workspace: Workspace, run: Run) -> None:
    """Show the losses of a class with the mixture that judged it."""
    where = workspace, run.project_id, run.run_id
    fits = quality_classes.class_fits(*where)
    if not fits:
        st.subheader("How each class was judged")
        st.caption("This round was trained before its fits were kept: train another one.")
        return
    chosen = pictures.class_choice(fits)
    pictures.losses(chosen, quality_classes.loss_histogram(*where, chosen.class_id))
    pictures.class_table(fits)


def opinion(workspace: Workspace, run: Run, found: SecondOpinion | None, reviewer: str) -> bool:
    """Show the second opinion; True when a tag with its own flags was made for review."""
    if found is None or not pictures.opinion(found):
        return False
    name = OPINION_TAG.format(number=run.number)
    tagged = tags.tag_samples(
        workspace, run.project_id, name, found.open_only_other, actor=reviewer
    )
    state.review_by_tag(tagged.tag_id)
    return True


def try_noise(workspace: Workspace, run: Run, reviewer: str) -> None:
    """Show the what-ifs: the form, or the one that runs, then the finished ones."""
    project_id = run.project_id
    st.fragment(_ask)(workspace, run, reviewer)
    job = what_if.latest_job(workspace, project_id)
    if job is not None and job.state in what_if.ACTIVE:
        job_flow.follow(workspace, job.job_id, reviewer, key=f"what_if_{job.job_id}")
    elif job is not None:
        progress.ended(job, "The what-if")
    what_if_view.results(what_if.list_what_ifs(workspace, project_id))


def _ask(workspace: Workspace, run: Run, reviewer: str) -> None:
    classes = projects.classes(workspace, run.project_id)
    with told():
        wanted = what_if_view.ask(classes, has_features=bool(run.environment.get("features_key")))
        if wanted is not None:
            what_if.start_what_if(workspace, run.project_id, wanted, actor=reviewer)
            st.rerun()
