from dataclasses import replace

import pytest
from exploration_rows import BEFORE, explored

from turn_core.services import exploration_summaries as told
from turn_core.types import Interval, JobState
from turn_core.types.exploring import EXPLORATION, PanelMethod, Regime
from turn_core.types.studies import Study


def panel(idx, level, separability, **metrics):
    metrics = {"separability": separability, "noise_rate": level, **metrics}
    return replace(BEFORE, idx=idx, method=PanelMethod.FFT, noise_level=level, metrics=metrics)


def exploration(*after, num_points=10_000):
    return Study(
        study_id=1,
        kind=EXPLORATION,
        project_id=1,
        job_id=1,
        name="x",
        state=JobState.DONE,
        config={},
        summary={"num_points": num_points},
        parts=(BEFORE, *after),
        created_at=0.0,
        created_by="ann",
        finished_at=1.0,
    )


def summary(rate, *after, **more):
    (found,) = told.summaries(exploration(*after, **more), rate)
    return found


# Known wrong shares: before 0.80, after FFT 0.90 at 10 % and 0.60 at 90 %.
TRUE_CURVE = (panel(1, 0.1, 0.9, wrong_rate=0.1), panel(2, 0.9, 0.6, wrong_rate=0.9))


def test_little_noise_lies_where_fine_tuning_helps():
    found = summary(Interval(0.2, 0.18, 0.22), *TRUE_CURVE)
    assert found.regime is Regime.HELPS
    assert found.before == 0.8
    assert found.expected.value == pytest.approx(0.9 - 0.3 / 8)  # an eighth of the way down
    assert found.turning == pytest.approx(0.1 + 0.8 / 3)  # a third of the way
    assert found.sentence == (
        "About 20% of the labels are wrong (18% to 22%), where full fine-tuning of turn-mini "
        "separates the classes better than before (86% against 80%): fine-tuning on the labels as "
        "they are should sharpen its features."
    )


def test_much_noise_lies_where_it_harms():
    found = summary(Interval(0.7, 0.65, 0.75), *TRUE_CURVE)
    assert found.regime is Regime.HARMS
    assert "worse than before (68% against 80%)" in found.sentence
    assert "use TURN" in found.sentence


def test_an_interval_across_the_turning_point_does_not_decide():
    assert summary(Interval(0.4, 0.2, 0.6), *TRUE_CURVE).regime is Regime.UNCLEAR


def test_a_difference_that_may_be_chance_does_not_decide():
    rate = Interval(0.2, 0.18, 0.22)
    assert summary(rate, *TRUE_CURVE, num_points=100).regime is Regime.UNCLEAR
    found = summary(rate, *TRUE_CURVE, num_points=100)
    assert "up to 11% may be chance" in found.sentence  # 1.96 sqrt(2 * .8 * .2 / 100)


def test_outside_of_the_levels_only_the_harder_side_counts():
    little, much = Interval(0.02, 0.0, 0.04), Interval(0.96, 0.95, 0.99)
    assert summary(little, *TRUE_CURVE).regime is Regime.HELPS
    assert summary(much, *TRUE_CURVE).regime is Regime.HARMS
    harmful = (panel(1, 0.1, 0.5, wrong_rate=0.1), panel(2, 0.9, 0.4, wrong_rate=0.9))
    assert summary(little, *harmful).regime is Regime.UNCLEAR
    helpful = (panel(1, 0.1, 0.95, wrong_rate=0.1), panel(2, 0.9, 0.9, wrong_rate=0.9))
    assert summary(much, *helpful).regime is Regime.UNCLEAR


def test_without_true_labels_noise_comes_on_top_of_what_is_there():
    rate = Interval(0.2, 0.2, 0.2)
    points = told.curve([panel(1, 0.5, 0.7)], PanelMethod.FFT, "separability", rate)
    assert points == [(pytest.approx(0.6), 0.7)]  # 1 - 0.8 * 0.5
    unknown = told.curve([panel(1, 0.5, 0.7)], PanelMethod.FFT, "separability", None)
    assert unknown == [(0.5, 0.7)]


def test_labels_as_they_are_answer_for_themselves():
    found = summary(Interval(0.2, 0.2, 0.2), panel(1, 0.0, 0.95), panel(2, 0.9, 0.5))
    assert (found.expected.value, found.regime) == (pytest.approx(0.95), Regime.HELPS)


def test_what_is_not_known_is_said():
    assert summary(None, *TRUE_CURVE).regime is Regime.UNKNOWN
    assert "run a first round" in summary(None, *TRUE_CURVE).sentence
    found = summary(Interval(0.2, 0.1, 0.3))
    assert (found.regime, found.expected) == (Regime.UNKNOWN, None)
    assert "is not there yet" in found.sentence


def test_the_noise_rate_is_that_of_the_latest_run(workspace, make_project, make_run):
    project_id = make_project(num_samples=30)
    found = explored(workspace, project_id)
    where = (workspace, project_id, found.study_id)
    assert told.summarize(*where)[0].noise_rate is None
    make_run(project_id, metrics={"noise_rate": {"value": 0.3, "low": 0.2, "high": 0.4}})
    assert told.summarize(*where)[0].noise_rate == Interval(0.3, 0.2, 0.4)
