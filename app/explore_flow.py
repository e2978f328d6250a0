"""The parts of the Explore page: form, job, maps, and what to do with a selection."""

import time
from collections.abc import Sequence

import streamlit as st

from app import links, state, study_flow
from app.components.scatter_panels import Act, scatter_panels
from app.format import md_escape, plural, when
from app.views import explore_form, explore_maps, explore_results, progress
from turn_core.services import (
    backbones,
    exploration_summaries,
    explorations,
    projects,
    runs,
    tags,
)
from turn_core.services.workspace import Workspace
from turn_core.types.exploring import Exploration, PanelMethod


def start(workspace: Workspace, project_id: int, reviewer: str) -> None:
    """Show the form; start what was asked for, and open it."""
    wanted = explore_form.configure(
        backbones.choices(workspace),
        projects.classes(workspace, project_id),
        allow_hub=workspace.settings.allow_hub,
    )
    if wanted is not None:
        config, name = wanted
        study_flow.open_started(
            explorations.start_exploration(workspace, project_id, config, name=name, actor=reviewer)
        )


def maps(workspace: Workspace, shown: Sequence[Exploration]) -> Act | None:
    """Draw the maps of one exploration, or of two; return what is wanted of a selection."""
    project_id = shown[0].project_id
    if not any(panel.projections for exploration in shown for panel in exploration.parts):
        if shown[0].state in progress.ACTIVE:
            st.caption("The first map appears here as soon as its features are computed.")
        return None
    run = runs.latest_complete_run(workspace, project_id)
    return scatter_panels(
        explore_maps.data(
            shown,
            projects.classes(workspace, project_id),
            api=links.project_api(project_id),
            tags=[tag.name for tag in tags.list_tags(workspace, project_id)],
            label_rev=projects.get_project(workspace, project_id).label_rev,
            run_id=None if run is None else run.run_id,
        ),
        key="scatter_panels",
    )


def act(workspace: Workspace, exploration: Exploration, wanted: Act, reviewer: str) -> None:
    """Put a tag on the selected samples; open Review on them where that was asked for."""
    name = wanted.name or f"Map selection {when(time.time())}"
    tag = tags.tag_samples(
        workspace, exploration.project_id, name, wanted.sample_ids, actor=reviewer
    )
    if wanted.kind == "review":
        state.review_by_tag(tag.tag_id)
        st.switch_page("../pages/review.py")
    else:
        st.toast(f"{plural(len(wanted.sample_ids), 'image')} tagged {md_escape(tag.name)}")
        st.rerun()


def regime(workspace: Workspace, exploration: Exploration) -> None:
    """Say what the exploration means for the project, once a level was fine-tuned on."""
    if any(panel.method is PanelMethod.FFT for panel in exploration.parts):
        project_id, exploration_id = exploration.project_id, exploration.study_id
        explore_results.regimes(
            exploration_summaries.summarize(workspace, project_id, exploration_id)
        )


def figures(workspace: Workspace, exploration: Exploration, *, titled: bool) -> None:
    """Show the curves, the table and the files; `titled` names the exploration."""
    if not any(panel.noise_level is not None for panel in exploration.parts):
        return
    named = f": {md_escape(exploration.name)}" if titled else ""
    st.subheader(f"What the noise does to the features{named}")
    explore_results.measured(exploration)
    backbone = explore_results.choose_backbone(exploration)
    noise = projects.overview(workspace, exploration.project_id).noise
    explore_results.curves(exploration, backbone, noise)
    explore_results.table(exploration)
    explore_results.downloads(exploration)
