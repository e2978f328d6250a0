"""Runs: configure and start a round, watch it, compare it with the one before."""

import streamlit as st

from app import auth, compare_flow, job_flow, search_flow, state
from app.views import run_form, run_history
from app.views.empty import no_project
from turn_core.services import backbones, jobs, runs
from turn_core.types.comparing import COMPARISON

reviewer = auth.gate()
workspace = auth.workspace()
project_id = state.project_id()
st.title("Runs")
if project_id is None:
    no_project()
    st.stop()

if run_history.part(opened=state.study_id(COMPARISON.name) is not None) == run_history.COMPARE:
    compare_flow.show(workspace, project_id, reviewer)
    st.stop()
history = runs.list_runs(workspace, project_id)
complete = sorted((run for run in history if run.state == "complete"), key=lambda run: run.number)
active = next((run for run in history if run.state in ("queued", "running")), None)
if active is not None:
    st.subheader(f"Round {active.number}")
    job_flow.follow(workspace, active.job_id, reviewer, key=f"run_{active.run_id}")
else:
    choices, preset = backbones.choices(workspace), search_flow.preset_of(workspace, project_id)
    config = run_form.configure(choices, preset, next_round=len(history) + 1)
    if config is not None:
        runs.start_run(workspace, project_id, config, actor=reviewer)
        st.rerun()
    if history:
        run_history.error_note(max(history, key=lambda run: run.number))
    search_flow.panel(workspace, project_id, choices, reviewer)
if len(complete) >= 2:
    found = runs.compare_rounds(workspace, project_id, complete[-2].run_id, complete[-1].run_id)
    run_history.change(complete[-2], complete[-1], found)
if complete:
    job = jobs.get_job(workspace, complete[-1].job_id)
    if run_history.details(complete[-1], job.progress):
        st.switch_page("../pages/review.py")
if history:
    st.subheader("All rounds")
    run_history.table(history)
