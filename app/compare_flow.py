"""The part of the Runs page that compares methods: form, job, and figures as they come."""

import streamlit as st

from app import state
from app.views import compare_form, compare_results, progress
from turn_core.services import backbones, comparisons, jobs
from turn_core.services.workspace import Workspace
from turn_core.types.comparing import Comparison


def show(workspace: Workspace, project_id: int, reviewer: str) -> None:
    """Show the form, or the comparison that is open."""
    known = {
        comparison.comparison_id: comparison
        for comparison in comparisons.list_comparisons(workspace, project_id)
    }
    choice = compare_results.choose(list(known.values()), state.comparison_id())
    if choice.opened != state.comparison_id() and known:
        state.open_comparison(choice.opened)
        st.rerun()
    if choice.delete:
        comparisons.delete_comparison(workspace, project_id, choice.opened, actor=reviewer)
        state.open_comparison(None)
        st.rerun()
    if choice.opened == compare_results.NEW:
        _start(workspace, project_id, reviewer)
    else:
        _opened(workspace, known[choice.opened], reviewer)


def _start(workspace: Workspace, project_id: int, reviewer: str) -> None:
    wanted = compare_form.configure(
        backbones.choices(workspace),
        comparisons.splits(workspace, project_id),
        allow_hub=workspace.settings.allow_hub,
    )
    if wanted is not None:
        made = comparisons.start_comparison(
            workspace, project_id, wanted.config, name=wanted.name, actor=reviewer
        )
        state.open_comparison(made.comparison_id)
        st.rerun()


def _opened(workspace: Workspace, comparison: Comparison, reviewer: str) -> None:
    _follow(workspace, comparison, reviewer)
    rows = comparisons.summarize(comparison)
    num_seeds = int(str(comparison.config.get("seeds", 0)))
    if comparison.cells:
        compare_results.table(rows, num_seeds)
        compare_results.told(rows, comparisons.sentences(comparison))
        compare_results.shape(rows)
        compare_results.cells(comparison)
        compare_results.shared(comparison)
    elif comparison.state in compare_results.ACTIVE:
        st.caption("The first figures appear here as soon as a method is done with a seed.")


def _follow(workspace: Workspace, comparison: Comparison, reviewer: str) -> None:
    """Show the job under way; run the page again whenever another cell is there."""
    if comparison.state not in compare_results.ACTIVE:
        compare_results.ended(comparison)
        return
    progress.follow(
        lambda: jobs.get_job(workspace, comparison.job_id),
        lambda: jobs.cancel(workspace, comparison.job_id, actor=reviewer),
        worker_alive=jobs.worker_status(workspace).alive,
        key=f"compare_{comparison.comparison_id}",
    )
    shown = len(comparison.cells)

    @st.fragment(run_every="2s")
    def watch() -> None:
        project_id, comparison_id = comparison.project_id, comparison.comparison_id
        now = comparisons.get_comparison(workspace, project_id, comparison_id)
        if len(now.cells) != shown:
            st.rerun()

    watch()
