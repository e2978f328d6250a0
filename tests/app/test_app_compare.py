"""Compare methods, on the Runs page: the form, the list, and the figures."""

import pytest
from seeding import seed_project
from seeding_comparisons import seed_comparison
from test_app_pages import labels, texts

from turn_core.compare_config import METHODS
from turn_core.services import jobs, studies
from turn_core.types import JobState
from turn_core.types.comparing import COMPARISON


@pytest.fixture
def project(app_workspace):
    return seed_project(app_workspace)


@pytest.fixture
def compare(open_page):
    """Open the part of the Runs page that compares methods."""

    def opened():
        page = open_page("runs")
        page.segmented_control(key="runs_part").set_value("Compare methods").run()
        assert not page.exception
        return page

    return opened


def html(page):
    return " ".join(element.proto.body for element in page.get("html"))


def test_form_starts_what_was_chosen_and_cancel_ends_it(compare, app_workspace, project):
    page = compare()
    page.pills(key="compare_probe").set_value(["ce", "unicon"])
    page.pills(key="compare_tuner").set_value(["nmtune"])
    page.number_input(key="compare_seeds").set_value(2)
    page.number_input(key="compare_samples").set_value(30)
    page.button(key="compare_start").click().run()
    assert not page.exception
    (made,) = studies.list_studies(app_workspace, COMPARISON, project)
    assert made.config["methods"] == ["turn", "ce", "unicon", "nmtune"]
    assert (made.config["seeds"], made.config["max_samples"]) == (2, 30)
    assert made.config["outside"] == []
    assert "Cancel" in labels(page)
    page.button(key=f"cancel_compare_{made.study_id}").click().run()
    assert jobs.get_job(app_workspace, made.job_id).state is JobState.CANCELLED
    assert "was cancelled" in texts(compare())


def test_form_offers_every_method(compare, project):
    page = compare()
    offered = {
        option.content
        for group in ("turn", "probe", "fft", "tuner")
        for option in page.pills(key=f"compare_{group}").proto.options
    }
    assert offered == {info.title for info in METHODS.values()}


def test_methods_stand_side_by_side_with_their_spread(compare, app_workspace, project):
    seed_comparison(app_workspace, project, error="it diverged in epoch 3")
    page = compare()
    shown = html(page)
    assert shown.index("TURN") < shown.index("CE") < shown.index("GCE")
    assert "90.4&nbsp;±&nbsp;0.4&nbsp;%" in shown
    assert "3 of 3" in shown
    told = texts(page)
    assert "TURN is ahead of CE" in told.replace("\\", "")
    assert "Given labels may be wrong" in told.replace("\\", "")
    assert "NMTune failed: it diverged in epoch 3" in told.replace("\\", "")


def test_figures_appear_while_it_runs(compare, app_workspace, project):
    seed_comparison(app_workspace, project, num_cells=2, finished=False)
    page = compare()
    assert "1 of 3" in html(page)
    assert "0 of 3" in html(page)
    assert "Cancel" in labels(page)


def test_shape_of_the_features_is_told_for_tuners(compare, app_workspace, project):
    seed_comparison(app_workspace, project)
    page = compare()
    table = next(t.value for t in page.dataframe if "Singular value entropy, after" in t.value)
    assert list(table["Singular value entropy, before"]) == ["4.200"]
    assert list(table["Singular value entropy, after"]) == ["3.600"]


def test_comparison_is_deleted_and_the_form_comes_back(compare, app_workspace, project):
    made = seed_comparison(app_workspace, project)
    page = compare()
    page.button(key=f"compare_delete_{made}").click().run()
    assert studies.list_studies(app_workspace, COMPARISON, project) == []
    assert page.button(key="compare_start")


def test_new_comparison_opens_the_form_beside_those_there_are(compare, app_workspace, project):
    seed_comparison(app_workspace, project)
    page = compare()
    page.button(key="compare_new").click().run()
    assert page.button(key="compare_start")
