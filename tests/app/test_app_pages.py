"""Every page behind the entry: what it shows empty, with data, and what its buttons do."""

import pytest
from seeding import seed_project, seed_run

from app.sessions import default_reviewer
from turn_core.services import audits, jobs, members, projects, runs
from turn_core.types import JobKind, JobState, QueueKind
from turn_core.types.reviewing import Role

PAGES = ("overview", "data", "runs", "review", "explore", "export")


def texts(page):
    """Everything that a visitor reads in Streamlit's own elements."""
    parts = [*page.title, *page.subheader, *page.markdown, *page.caption, *page.error]
    parts += [*page.warning, *page.info, *page.success]
    html = [element.proto.body for element in page.get("html")]
    return "\n".join([str(part.value) for part in parts] + html)


def box(page, label):
    return next(element for element in page.text_input if element.label == label)


def button(page, label):
    return next(element for element in page.button if element.label == label)


def labels(page):
    return [button.label for button in page.button]


@pytest.mark.parametrize("name", PAGES)
def test_empty_home_says_what_to_do_next(open_page, name):
    page = open_page(name)
    expected = {
        "overview": "Try the demo",
        "data": "Import images",
        "runs": "There is no project yet",
        "review": "There is no project yet",
        "explore": "There is no project yet",
        "export": "There is no project yet",
    }[name]
    assert expected in texts(page)


@pytest.mark.parametrize("name", PAGES)
def test_page_without_the_entry_shows_nothing(app_workspace, name):
    from app_paths import ROOT
    from streamlit.testing.v1 import AppTest

    seed_project(app_workspace)
    page = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=240).run()
    assert not page.exception
    assert [error.value for error in page.error] == [
        "This page was opened past the entry of the app; open the start page."
    ]
    assert not page.title


def test_overview_leads_from_training_to_review(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("overview")
    assert "Train the first round" in texts(page)
    seed_run(app_workspace, project_id, num_issues=10)
    page = open_page("overview")
    assert "suspicious labels" in texts(page)
    metrics = {metric.label: metric for metric in page.metric}
    assert metrics["Images"].value == "40"
    assert metrics["Estimated wrong labels"].value == "25.0 %"
    assert metrics["Estimated wrong labels"].delta == "95 %: 22.5–27.5 %, by the model"


def test_round_that_only_ranks_is_not_called_done(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    seed_run(app_workspace, project_id, num_issues=0)
    shown = texts(open_page("overview"))
    assert "Review the most suspicious labels" in shown
    assert "Nothing suspicious is left" not in shown


def test_overview_says_when_no_worker_is_running(open_page, app_workspace):
    jobs.forget_worker(app_workspace, "test worker")
    seed_project(app_workspace)
    assert "No worker is running" in texts(open_page("overview"))


def test_demo_button_queues_the_import_and_shows_it(open_page, app_workspace):
    page = open_page("overview")
    page.button(key="try_demo").click().run()
    (job,) = jobs.list_jobs(app_workspace)
    assert job.kind is JobKind.IMPORT
    page = open_page("data")
    assert not page.exception


def test_data_page_browses_and_filters(open_page, app_workspace):
    seed_project(app_workspace)
    page = open_page("data")
    assert "1–40 of 40" in texts(page)
    page.selectbox(key="browse_class").select_index(2).run()  # "dog": every fourth sample
    assert "1–10 of 10" in texts(page)
    page.text_input(key="browse_text").input("00005").run()
    assert "1–1 of 1" in texts(page)


def test_data_page_turns_pages_and_starts_again_with_a_new_filter(open_page, app_workspace):
    seed_project(app_workspace, num_samples=130, num_images=4)
    page = open_page("data")
    page.button(key="browse_next").click().run()
    page.button(key="browse_next").click().run()
    assert "121–130 of 130" in texts(page)
    assert page.button(key="browse_next").disabled
    page.button(key="browse_back").click().run()
    assert "61–120 of 130" in texts(page)
    page.selectbox(key="browse_class").select_index(1).run()
    assert "1–33 of 33" in texts(page)


def test_data_page_shows_report_and_classes(open_page, app_workspace):
    seed_project(app_workspace)
    page = open_page("data")
    page.segmented_control(key="data_part").select("Classes").run()
    assert list(page.dataframe[0].value["Class"]) == ["cat", "dog", "owl", "fox"]
    page.segmented_control(key="data_part").select("Import report").run()
    assert "without an import report" in texts(page)


def test_owner_changes_the_audit_and_the_numbers_of_reviewers(open_page, app_workspace):
    project_id = seed_project(app_workspace)  # without a random audit
    page = open_page("data")
    page.segmented_control(key="data_part").select("Project").run()
    page.slider(key="review_audit_share").set_value(10)
    page.number_input(key="review_overlap_near_tau").set_value(3)
    button(page, "Save").click().run()
    found = audits.get_settings(app_workspace, project_id)
    assert (found.audit_share, found.queue_overlaps) == (0.1, {QueueKind.NEAR_TAU: 3})
    page.number_input(key="review_overlap_near_tau").set_value(None)
    button(page, "Save").click().run()
    assert not audits.get_settings(app_workspace, project_id).queue_overlaps
    members.set_member(app_workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(app_workspace, default_reviewer(), Role.REVIEWER, actor="olga")
    page.run()
    assert page.slider(key="review_audit_share").disabled
    assert "Only an owner changes" in texts(page)


def test_class_is_added_and_project_deleted_only_by_its_name(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("data")
    page.segmented_control(key="data_part").select("Project").run()
    box(page, "Name of the class").input("emu")
    button(page, "Add").click().run()
    names = [info.name for info in projects.classes(app_workspace, project_id)]
    assert names[-1] == "emu"
    box(page, "Type the name of the project to confirm").input("something else")
    button(page, "Delete for good").click().run()
    assert "nothing was deleted" in texts(page)
    box(page, "Type the name of the project to confirm").input("animals")
    button(page, "Delete for good").click().run()
    assert projects.list_projects(app_workspace) == []
    assert "Import images" in texts(page)


def test_runs_page_starts_a_round_with_the_chosen_settings(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("runs")
    page.number_input(key="run_epochs_turn-mini").set_value(1)
    page.number_input(key="run_tau_turn-mini").set_value(0.7)
    page.number_input(key="run_seed_turn-mini").set_value(5)
    page.selectbox(key="run_method_turn-mini").set_value("turn-plus")
    page.button(key="run_start").click().run()
    (run,) = runs.list_runs(app_workspace, project_id)
    assert run.config["finetune"]["epochs"] == 1
    assert run.config["cleansing"]["threshold"] == 0.7
    assert run.seed == 5
    assert run.method == run.config["method"] == "turn-plus"
    assert "Cancel" in labels(page)


def test_runs_page_cancels_the_round_that_waits(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("runs")
    page.button(key="run_start").click().run()
    (run,) = runs.list_runs(app_workspace, project_id)
    page.button(key=f"cancel_run_{run.run_id}").click().run()
    assert jobs.get_job(app_workspace, run.job_id).state is JobState.CANCELLED


def test_runs_page_compares_two_rounds(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    seed_run(app_workspace, project_id, num_issues=10)
    seed_run(app_workspace, project_id, num_issues=4)
    page = open_page("runs")
    assert "From round 1 to round 2" in texts(page)
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Wrong labels by the model, round 1"] == "25.0 %"
    assert metrics["Wrong labels by the model, round 2"] == "10.0 %"
    assert metrics["Rank correlation"] == "1.00"


def test_one_class_is_told_in_one_sentence(open_page, app_workspace):
    seed_project(app_workspace, class_names=("cat",))
    page = open_page("runs")
    page.button(key="run_start").click().run()
    (error,) = page.error
    assert "two classes" in error.value


def test_review_page_without_a_run_leads_to_training(open_page, app_workspace):
    seed_project(app_workspace)
    page = open_page("review")
    assert "There is nothing to review yet" in texts(page)
    assert "Train the first round" in labels(page)


def test_review_page_hands_the_worst_labels_to_the_card(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    seed_run(app_workspace, project_id)
    page = open_page("review")
    (card,) = [
        element for element in page.get("bidi_component") if "review_card" in str(element.proto)
    ]
    assert "images/00000.png" in str(card.proto)


def test_export_page_queues_an_export(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    page = open_page("export")
    assert page.button(key="export_model").disabled
    page.button(key="export_csv").click().run()
    (job,) = jobs.list_jobs(app_workspace, project_id=project_id)
    assert job.kind is JobKind.EXPORT
    assert job.params["format"] == "csv"


def test_switcher_opens_another_project(open_page, app_workspace):
    seed_project(app_workspace, name="first")
    newest = seed_project(app_workspace, name="second")
    page = open_page("overview")
    assert page.title[0].value == "second"
    (switcher,) = [box for box in page.selectbox if box.label == "Project"]
    switcher.select_index(1).run()
    assert page.title[0].value == "first"
    assert projects.get_project(app_workspace, newest).name == "second"


def test_address_names_the_project(app_workspace):
    from app_paths import ROOT
    from streamlit.testing.v1 import AppTest

    first = seed_project(app_workspace, name="first")
    seed_project(app_workspace, name="second")
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=240)
    page.query_params["project"] = str(first)
    assert page.run().title[0].value == "first"


def test_address_of_another_job_leaves_the_import(app_workspace):
    from app_paths import ROOT
    from streamlit.testing.v1 import AppTest

    project_id = seed_project(app_workspace)
    run = seed_run(app_workspace, project_id)
    job_id = runs.get_run(app_workspace, project_id, run).job_id
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=240).run()
    page = page.switch_page("../pages/data.py")
    page.query_params["job"] = str(job_id)
    page = page.run()
    assert not page.exception
    assert page.title[0].value == "Data"


def test_names_from_data_are_shown_as_text(open_page, app_workspace):
    name = "![x](http://evil.example/x.png) **b** :red[r]"
    seed_project(app_workspace, name=name)
    page = open_page("overview")
    assert page.title[0].value.startswith(r"\!\[x\]\(http\:\/\/evil")
