"""The part of the Runs page that compares methods: form, job, and figures as they come."""

import streamlit as st

from app import study_flow
from app.views import compare_form, compare_results, progress
from turn_core.services import backbones, comparisons
from turn_core.services.workspace import Workspace
from turn_core.types.comparing import COMPARISON, Comparison


def show(workspace: Workspace, project_id: int, reviewer: str) -> None:
    """Show the form, or the comparison that is open."""
    opened = study_flow.choose(workspace, COMPARISON, project_id, reviewer, deletes="figures")
    if not opened:
        _start(workspace, project_id, reviewer)
        return
    study_flow.follow(workspace, opened[0], reviewer)
    _results(opened[0])


def _start(workspace: Workspace, project_id: int, reviewer: str) -> None:
    wanted = compare_form.configure(
        backbones.choices(workspace),
        comparisons.splits(workspace, project_id),
        allow_hub=workspace.settings.allow_hub,
    )
    if wanted is not None:
        config, name = wanted
        study_flow.open_started(
            comparisons.start_comparison(workspace, project_id, config, name=name, actor=reviewer)
        )


def _results(comparison: Comparison) -> None:
    rows = comparisons.summarize(comparison)
    num_seeds = int(str(comparison.config.get("seeds", 0)))
    if comparison.parts:
        compare_results.table(rows, num_seeds)
        compare_results.told(rows, comparisons.sentences(comparison))
        compare_results.shape(rows)
        compare_results.cells(comparison)
        compare_results.shared(comparison)
    elif comparison.state in progress.ACTIVE:
        st.caption("The first figures appear here as soon as a method is done with a seed.")
