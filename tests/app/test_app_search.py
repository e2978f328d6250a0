"""The search for settings on the Runs page: started, found, offered, used."""

from search_seeding import WINNER, finish_search
from seeding import seed_project

from turn_core.services import jobs, runs, searches
from turn_core.types import JobState


def shown(page):
    return "\n".join(str(part.value) for part in [*page.markdown, *page.caption])


def test_search_is_started_and_cancelled(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("runs")
    page.button(key="search_start").click().run()
    job = searches.latest_job(app_workspace, project_id)
    assert job.params["config"]["backbone"] == "turn-mini"
    page.button(key=f"cancel_search_{job.job_id}").click().run()
    assert jobs.get_job(app_workspace, job.job_id).state is JobState.CANCELLED


def test_found_settings_are_shown_and_a_round_uses_them_when_asked(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    job_id = finish_search(app_workspace, project_id)
    page = open_page("runs")
    assert "AdamW, learning rate 0.01, weight decay 1e-05, batches of 64" in shown(page)
    assert "Predicts 70.0 % of the held-out labels, the preset 60.0 %." in shown(page)
    table = page.dataframe[0].value
    assert list(table["Held-out labels predicted"]) == ["70.0 %", "60.0 %", "0.0 %"]
    page.toggle(key=f"run_found_{job_id}").set_value(True).run()
    page.button(key="run_start").click().run()
    (run,) = runs.list_runs(app_workspace, project_id)
    assert run.config["probe"]["optimizer"] == WINNER.optimizer
    assert run.config["probe"]["learning_rate"] == WINNER.learning_rate


def test_settings_that_are_no_better_than_the_preset_are_not_offered(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    job_id = finish_search(app_workspace, project_id, accuracy=0.6)
    page = open_page("runs")
    assert f"run_found_{job_id}" not in [toggle.key for toggle in page.toggle]
    assert "no setting predicts more held-out labels than the preset" in shown(page)
