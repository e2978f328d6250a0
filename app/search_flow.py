"""The search for settings on the Runs page: what its clicks do, and the offer of what it found."""

from collections.abc import Callable, Sequence

import streamlit as st

from app import job_flow
from app.views import progress
from app.views import search as search_view
from turn_core.config import TurnConfig
from turn_core.services import backbones, searches
from turn_core.services.backbones import BackboneChoice
from turn_core.services.workspace import Workspace


def preset_of(workspace: Workspace, project_id: int) -> Callable[[str], TurnConfig]:
    """Return what gives a backbone's config, after asking whether found settings are wanted."""

    def config_of(backbone: str) -> TurnConfig:
        config = backbones.default_config(backbone)
        found = searches.found_settings(workspace, project_id, backbone)
        if found is not None and found.is_ahead and search_view.offer(found):
            return searches.applied(config, found.probe)
        return config

    return config_of


def panel(
    workspace: Workspace, project_id: int, choices: Sequence[BackboneChoice], reviewer: str
) -> None:
    """Show the search: the one that runs, or the form and what was found last."""
    job = searches.latest_job(workspace, project_id)
    running = job is not None and job.state in searches.ACTIVE
    with st.expander("Search for settings", icon=":material/manage_search:", expanded=running):
        if job is not None and running:
            job_flow.follow(workspace, job.job_id, reviewer, key=f"search_{job.job_id}")
        else:
            wanted = search_view.ask(choices)
            if wanted is not None:
                searches.start_search(workspace, project_id, wanted, actor=reviewer)
                st.rerun()
            if job is not None:
                progress.ended(job, "The search")
        for found in searches.list_searches(workspace, project_id)[:1]:
            search_view.result(found)
