"""The Quality page: what it says without data, before and with decisions, and where it leads."""

from quality_seeding import seed_quality
from seeding import seed_project, seed_run
from test_app_pages import texts

from turn_core.config import NoiseConfig, WhatIfConfig
from turn_core.services import jobs, tags, what_if
from turn_core.types import JobKind, JobState


def metrics(page):
    return {metric.label: metric for metric in page.metric}


def test_without_a_project_or_a_round_it_says_what_to_do(open_page, app_workspace):
    assert "There is no project yet" in texts(open_page("quality"))
    seed_project(app_workspace)
    assert "There are no numbers yet" in texts(open_page("quality"))


def test_a_fresh_round_shows_the_models_numbers_and_no_precision(open_page, app_workspace):
    seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    shown = metrics(page)
    assert shown["To review"].value == "48"
    assert shown["Time"].value == "–"
    assert "Precision among reviewed" not in shown
    assert "By the model's own probabilities" in texts(page)
    assert "Go on: about" in texts(page)


def test_precision_stands_only_beside_the_audit(open_page, app_workspace):
    seed_quality(app_workspace, decided=40)
    assert "Precision among reviewed" not in metrics(open_page("quality"))
    assert "only unbiased measure" in texts(open_page("quality"))


def test_audit_gives_the_noise_rate_and_the_precision(open_page, app_workspace):
    seed_quality(app_workspace, decided=80, audited=40)
    page = open_page("quality")
    shown = metrics(page)
    assert shown["Wrong labels, by the audit"].delta.startswith("95 %: ")
    assert shown["Precision among reviewed"].value.endswith(" %")
    assert "measured by the random audit" in texts(page)
    assert "Calibrated on the 80 decisions" in texts(page)
    assert shown["Time"].delta == "3.5 s each, median of 80"


def test_slider_moves_the_work(open_page, app_workspace):
    _, run_id = seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    page.select_slider(key=f"quality_tau_{run_id}").set_value(0.05).run()
    assert int(metrics(page)["To review"].value) < 48
    assert not page.exception


def test_classes_show_their_losses_and_fallback(open_page, app_workspace):
    seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    page.selectbox(key="quality_class").select_index(6).run()  # "sheep"
    assert "Judged by all classes together" in texts(page)
    page.selectbox(key="quality_class").select_index(1).run()
    assert "separation 6.7" in texts(page)


def test_a_round_without_stored_fits_says_so(open_page, app_workspace):
    seed_run(app_workspace, seed_project(app_workspace))
    page = open_page("quality")
    assert "trained before its fits were kept" in texts(page)
    assert "A second opinion" not in texts(page)


def test_second_opinion_makes_a_tag_to_review(open_page, app_workspace):
    project_id, _ = seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    page.button(key="quality_opinion_review").click().run()
    assert not page.exception
    (tag,) = tags.list_tags(app_workspace, project_id)
    assert tag.name == "Second opinion, round 1"


def test_what_if_takes_noise_that_needs_to_know_more(open_page, app_workspace):
    project_id, _ = seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    page.selectbox(key="what_if_kind").select("asymmetric_map").run()
    page.button(key="what_if_start").click().run()
    assert not page.exception
    noise = what_if.latest_job(app_workspace, project_id).params["config"]["noise"]
    assert (noise["kind"], noise["mapping"]) == ("asymmetric_map", [1, 2, 3, 4, 5, 0])


def test_what_if_is_queued_and_shown(open_page, app_workspace):
    project_id, _ = seed_quality(app_workspace, decided=0)
    page = open_page("quality")
    assert "What if" in texts(page)
    config = WhatIfConfig(noise=NoiseConfig(level=0.2))
    job = what_if.start_what_if(app_workspace, project_id, config, actor="tester")
    page = open_page("quality")
    assert "Waiting for its turn" in texts(page)
    claimed = jobs.claim(app_workspace, "test worker", [JobKind.WHAT_IF])
    spread = {"mean": 0.75, "deviation": 0.02}
    measures = {"noise_rate": spread, "effort_saved": spread, "found_20": spread, "auroc": None}
    result = {
        "run_number": 1, "source": "clean", "num_samples": 180, "num_classes": 6,
        "num_classes_left_out": 1, "repeats": [{}] * 3,
        "measures": measures,
    }  # fmt: skip
    jobs.finish(app_workspace, job.job_id, claimed.fence, state=JobState.DONE, result=result)
    shown = texts(open_page("quality"))
    assert "finds **75 %** of them" in shown
    assert "those that the round believes clean" in shown
    assert "1 class with fewer than 10" in shown
