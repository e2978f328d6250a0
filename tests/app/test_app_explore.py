"""The Explore page: the form, the list, what the maps component is given, and what an act does."""

import json
from itertools import combinations

import numpy as np
import pytest
from app_paths import ROOT
from seeding import CLASS_NAMES, seed_project, seed_run
from seeding_maps import seed_exploration
from test_app_pages import labels, texts

from app import explore_flow
from app.components.scatter_panels import Act
from app.views import explore_form, explore_maps, explore_results
from turn_core.errors import DataError
from turn_core.experiments.figure_style import theme_of
from turn_core.services import jobs, projects, studies, tags
from turn_core.types import JobState
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import EXPLORATION, PanelMethod


@pytest.fixture
def project(app_workspace):
    project_id = seed_project(app_workspace)
    seed_run(app_workspace, project_id)
    return project_id


def view_of(workspace, project_id, exploration_id):
    found = studies.get_study(workspace, EXPLORATION, project_id, exploration_id)
    classes = projects.classes(workspace, project_id)
    data = explore_maps.data([found], classes, api="/api", tags=[], label_rev=1, run_id=1)
    return data["views"][0]


def component(page, name):
    (found,) = [e for e in page.get("bidi_component") if name in str(e.proto.component_name)]
    return json.loads(found.proto.json)


def test_form_starts_an_exploration_with_what_was_chosen(open_page, app_workspace, project):
    page = open_page("explore")
    page.text_input(key="explore_levels").set_value("0, 2.5 % 80")
    page.toggle(key="explore_turn").set_value(True)
    page.number_input(key="explore_epochs").set_value(2)
    page.number_input(key="explore_seed").set_value(7)
    page.button(key="explore_start").click().run()
    (made,) = studies.list_studies(app_workspace, EXPLORATION, project)
    assert made.config["levels"] == [0.0, 0.025, 0.8]
    assert made.config["with_turn"] is True
    assert (made.config["epochs"], made.config["seed"]) == (2, 7)
    assert made.config["classes"] is None
    assert "Cancel" in labels(page)


@pytest.mark.parametrize("text", ["", "ten", "10, 110", "-5", "nan", ", ".join(["1"] * 21)])
def test_levels_that_are_none_are_told_in_one_sentence(text):
    with pytest.raises(DataError, match="noise levels must be"):
        explore_form.levels_from(text)


def test_classes_can_be_chosen(open_page, app_workspace, project):
    page = open_page("explore")
    page.toggle(key="explore_all_classes").set_value(False).run()
    page.multiselect(key="explore_classes").set_value([1, 3])
    page.button(key="explore_start").click().run()
    (made,) = studies.list_studies(app_workspace, EXPLORATION, project)
    assert made.config["classes"] == [1, 3]


def test_noise_that_needs_to_know_more_asks_for_it(open_page, app_workspace, project):
    page = open_page("explore")
    page.selectbox(key="explore_noise").select("asymmetric_block").run()
    page.number_input(key="explore_block").set_value(2)
    page.button(key="explore_start").click().run()
    (made,) = studies.list_studies(app_workspace, EXPLORATION, project)
    assert (made.config["noise"], made.config["block_size"]) == ("asymmetric_block", 2)


@pytest.mark.parametrize(
    ("kind", "field", "expected"),
    [
        ("asymmetric_superclass", "superclasses", [1, 1, 2, 2]),
        ("asymmetric_map", "mapping", [1, 2, 3, 0]),
    ],
)
def test_groups_and_flips_are_a_table(open_page, app_workspace, project, kind, field, expected):
    page = open_page("explore")
    page.selectbox(key="explore_noise").select(kind).run()
    assert not page.exception
    page.button(key="explore_start").click().run()
    (made,) = studies.list_studies(app_workspace, EXPLORATION, project)
    assert made.config[field] == expected


def test_running_exploration_can_be_cancelled(open_page, app_workspace, project):
    page = open_page("explore")
    page.button(key="explore_start").click().run()
    (made,) = studies.list_studies(app_workspace, EXPLORATION, project)
    page.button(key=f"cancel_explore_{made.study_id}").click().run()
    assert jobs.get_job(app_workspace, made.job_id).state is JobState.CANCELLED
    assert "was cancelled" in texts(open_page("explore"))


def test_maps_stand_as_in_the_figure_of_the_paper(app_workspace, project):
    made = seed_exploration(app_workspace, project, levels=(0.1, 0.9), with_turn=True)
    view = view_of(app_workspace, project, made)
    places = {(s.get("method"), s.get("level")): (s["row"], s["column"]) for s in view["slots"]}
    assert places[("fft", 0.1)] == (0, 0)
    assert places[("before", None)] == (1, 0)
    assert places[("fft", 0.9)] == (2, 0)
    assert places[("turn", 0.9)] == (2, 1)
    assert [panel["title"] for panel in view["panels"]] == [
        "Before", "Fine-tuned · 10 % noise", "TURN · 10 % noise", "Fine-tuned · 90 % noise",
        "TURN · 90 % noise",
    ]  # fmt: skip


def test_every_figure_beside_a_map_is_explained(app_workspace, project):
    view = view_of(app_workspace, project, seed_exploration(app_workspace, project))
    for panel in view["panels"]:
        assert [fact[0] for fact in panel["facts"]] == ["Separable", "15-NN", "CKA"]
        assert all(METRICS[name].explanation in fact[2] for name, fact in
                   zip(explore_maps.ON_PANEL, panel["facts"]))  # fmt: skip


def test_page_shows_what_is_ready_and_where_the_rest_will_be(open_page, app_workspace, project):
    seed_exploration(app_workspace, project, num_panels=2, finished=False)
    page = open_page("explore")
    (view,) = component(page, "scatter_panels")["views"]
    assert [panel["method"] for panel in view["panels"]] == ["before", "fft"]
    assert len(view["slots"]) == 3
    assert view["active"]


def test_two_explorations_are_compared(open_page, app_workspace, project):
    first = seed_exploration(app_workspace, project)
    second = seed_exploration(app_workspace, project, levels=(0.3,))
    page = open_page("explore")
    other = next(box for box in page.selectbox if box.label == "Compare with")
    other.select_index(1).run()
    views = component(page, "scatter_panels")["views"]
    assert [view["id"] for view in views] == [second, first]


def test_exploration_is_deleted_and_the_form_comes_back(open_page, app_workspace, project):
    made = seed_exploration(app_workspace, project)
    page = open_page("explore")
    page.button(key=f"explore_delete_{made}").click().run()
    assert studies.list_studies(app_workspace, EXPLORATION, project) == []
    assert page.button(key="explore_start")


def test_new_exploration_opens_the_form_beside_those_there_are(open_page, app_workspace, project):
    seed_exploration(app_workspace, project)
    page = open_page("explore")
    page.button(key="explore_new").click().run()
    assert page.button(key="explore_start")
    assert not page.get("bidi_component")


def test_curves_have_a_line_per_method_and_the_value_before(app_workspace, project):
    made = seed_exploration(app_workspace, project, with_turn=True)
    found = studies.get_study(app_workspace, EXPLORATION, project, made)
    chart = explore_results.chart("separability", METRICS["separability"], found.parts, None)
    assert chart is not None
    assert {line.kind for line in chart.lines} == {"fft", "turn"}  # a probe moves no feature
    assert [level for level, _ in chart.lines[0].points] == pytest.approx([0.1, 0.9])
    before = next(panel for panel in found.parts if panel.method is PanelMethod.BEFORE)
    assert chart.before == before.metrics["separability"]
    accuracy = explore_results.chart("accuracy", explore_results.ACCURACY, found.parts, None)
    assert accuracy is not None
    assert {line.kind for line in accuracy.lines} == {"fft", "probe", "turn"}


def test_figures_are_a_table_too(open_page, app_workspace, project):
    seed_exploration(app_workspace, project)
    table = open_page("explore").dataframe[0].value
    assert list(table["Panel"])[:2] == ["Before", "Fine-tuned · 10 % noise"]
    assert table["Linear separability"].notna().sum() == 3


def test_tagged_selection_is_a_tag(app_workspace, project, monkeypatch):
    made = studies.get_study(
        app_workspace, EXPLORATION, project, seed_exploration(app_workspace, project)
    )
    went: list[str] = []
    monkeypatch.setattr(explore_flow.st, "switch_page", went.append)
    monkeypatch.setattr(explore_flow.st, "rerun", lambda: went.append("again"))
    kept: list[int] = []
    monkeypatch.setattr(explore_flow.state, "review_by_tag", kept.append)
    explore_flow.act(app_workspace, made, Act("tag", "odd owls", (3, 5)), "ann")
    (tag,) = tags.list_tags(app_workspace, project)
    assert (tag.name, tag.num_samples, tag.created_by) == ("odd owls", 2, "ann")
    explore_flow.act(app_workspace, made, Act("review", "", (4,)), "ann")
    assert went == ["again", "../pages/review.py"]
    sent = next(tag for tag in tags.list_tags(app_workspace, project) if tag.tag_id == kept[0])
    assert sent.name.startswith("Map selection 20")
    assert tags.samples_of_tag(app_workspace, project, sent.tag_id) == [4]


def test_colours_stay_apart_for_every_common_colour_vision_and_from_the_ground():
    script = (ROOT / "app/components/scatter_panels/colours.js").read_text(encoding="utf-8")
    for name, theme in (("LIGHT", theme_of("light")), ("DARK", theme_of("dark"))):
        line = next(line for line in script.splitlines() if line.startswith(f"const {name} ="))
        colours = json.loads(line.partition("=")[2].strip(" ;"))
        assert tuple(colours) == theme.classes
        ground = luminance(theme.ground)
        for colour in map(luminance, colours):
            assert (max(colour, ground) + 0.05) / (min(colour, ground) + 0.05) > 2
        for vision in VISIONS:
            seen = [oklab(vision @ linear(colour)) for colour in colours]
            assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.1


# Machado, Oliveira and Fernandes (2009), full severity: protan, deutan, tritan.
VISIONS = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    ]
)


def linear(colour):
    share = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    """Relative luminance, 0 to 1 (WCAG 2)."""
    return float(np.dot([0.2126, 0.7152, 0.0722], linear(colour)))


def oklab(rgb):
    """Ottosson (2020); rgb is linear and clipped to what a screen shows."""
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]])
    lab = np.array([[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
    return lab @ np.cbrt(cones @ np.clip(rgb, 0, 1))


def test_without_a_round_nothing_can_be_sent_to_review(open_page, app_workspace):
    project_id = seed_project(app_workspace)
    seed_exploration(app_workspace, project_id)
    data = component(open_page("explore"), "scatter_panels")
    assert data["canReview"] is False
    assert data["views"][0]["version"] == "0-0"


def test_class_names_are_given_in_the_order_of_their_index(open_page, app_workspace, project):
    seed_exploration(app_workspace, project)
    data = component(open_page("explore"), "scatter_panels")
    assert data["classes"] == [[index, name] for index, name in enumerate(CLASS_NAMES)]
