"""The parts of the Quality page that read more than its numbers, and what its clicks do."""

import streamlit as st

from app import state
from app.views import quality_pictures as pictures
from turn_core.services import quality_classes, tags
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
