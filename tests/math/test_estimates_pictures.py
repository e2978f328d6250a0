"""Effort curves, the joint matrix, confident learning, calibration: all by hand."""

import numpy as np
import pytest

from turn_core import estimates
from turn_core.errors import DataError


def flags(text):
    return np.array([letter == "x" for letter in text])


def test_effort_curve__lies_between_its_bounds():
    curve = estimates.effort_curve(flags("xx.x"), total_errors=4, num_samples=10)
    np.testing.assert_allclose(curve.reviews, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(curve.found, [0, 1, 2, 2, 3])
    np.testing.assert_allclose(curve.random, [0, 0.4, 0.8, 1.2, 1.6])
    np.testing.assert_allclose(curve.oracle, [0, 1, 2, 3, 4])
    assert curve.efficiency == pytest.approx((8 - 4) / (10 - 4))


def test_effort_curve__counts_at_least_what_was_found():
    curve = estimates.effort_curve(flags("xxx"), total_errors=1, num_samples=5)
    assert curve.oracle[-1] == 3
    assert curve.efficiency == 1


def test_effort_curve__without_an_error_has_no_efficiency_and_few_points_of_many():
    curve = estimates.effort_curve(np.zeros(5000, bool), total_errors=0, num_samples=5000)
    assert curve.efficiency is None
    assert len(curve.reviews) == 200
    assert curve.reviews[-1] == 5000


def test_share_found_and_effort_saved():
    order = flags("xx.x......")
    assert estimates.share_found(order, [0.1, 0.2, 0.5]) == [1 / 3, 2 / 3, 1]
    assert estimates.effort_saved(order, share=1.0) == pytest.approx(1 - 4 / 10)
    assert estimates.effort_saved(order, share=0.5) == pytest.approx(1 - 2 / 5)
    assert estimates.effort_saved(flags("...."), share=0.8) is None
    assert estimates.share_found(flags("...."), [0.5]) == [None]


def test_joint_matrix__decided_samples_count_whole_others_in_parts():
    joint = estimates.joint_matrix(
        given=np.array([0, 0, 0, 1, -1]),
        suggested=np.array([1, 1, 1, 1, 0]),
        decided=np.array([-1, 1, 0, -1, -1]),
        clean_probability=np.array([0.25, 1.0, 0.1, 0.5, 0.0]),
        is_issue=np.array([True, False, True, False, True]),
        num_classes=2,
    )
    expected, still = joint.dense()
    np.testing.assert_allclose(expected, [[0.25 + 1, 0.75 + 1], [0, 1]])
    assert expected.sum() == 4  # the sample without a label is left out
    np.testing.assert_array_equal(still, [[0, 1], [0, 0]])
    (pair,) = joint.pairs(5)
    assert (pair.given, pair.true, pair.expected, pair.open) == (0, 1, 1.75, 1)


def test_joint_matrix__a_class_out_of_range_is_refused():
    one = np.array([0])
    with pytest.raises(DataError, match="from 0 to 0"):
        estimates.joint_matrix(one, one + 1, one, np.ones(1), np.zeros(1, bool), 1)


PROBS = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
LABELS = np.array([0, 0, 0, 1, 1])


def test_confident_learning__by_hand():
    """Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.8 + 0.9) / 2 = 0.85."""
    found = estimates.confident_learning(PROBS, LABELS)
    np.testing.assert_array_equal(found.guess, [0, 0, 1, -1, 1])
    np.testing.assert_array_equal(found.joint, [[2, 1], [0, 1]])
    np.testing.assert_array_equal(found.flagged, [False, False, True, False, False])
    assert found.noise_rate == pytest.approx(1 / 5)


def test_confident_learning__skipped_samples_are_not_judged():
    found = estimates.confident_learning(PROBS, LABELS, skip=np.arange(5) == 2)
    assert not found.flagged.any()
    assert found.guess[2] == -1


def test_confident_learning__finds_what_cleanlab_finds():
    cleanlab_filter = pytest.importorskip("cleanlab.filter")
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 600)
    labels = np.where(rng.random(600) < 0.2, rng.integers(0, 4, 600), true)
    logits = rng.normal(0, 1, (600, 4)) + 2.5 * np.eye(4)[true]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ours = estimates.confident_learning(probs, labels)
    theirs = cleanlab_filter.find_label_issues(
        labels, probs, filter_by="prune_by_noise_rate", n_jobs=1
    )
    agreement = (ours.flagged & theirs).sum() / (ours.flagged | theirs).sum()
    assert agreement > 0.9


def test_confident_learning__wrong_shapes_are_refused():
    with pytest.raises(DataError, match="labels must be 5 numbers"):
        estimates.confident_learning(PROBS, LABELS[:3])


def test_calibration_error__by_hand():
    probability = np.array([0.91, 0.93, 0.11, 0.12])
    assert estimates.calibration_error(probability, flags("xx..")) == pytest.approx(
        (abs(1.84 - 2) + 0.23) / 4
    )
    assert estimates.calibration_error(np.empty(0), flags("")) is None


def test_expected_error_gap__is_per_sample_to_review():
    gap = estimates.expected_error_gap(
        np.array([10.0, 5.0]), np.array([8.0, 5.0]), np.array([20.0, 0.0])
    )
    assert gap[0] == pytest.approx(0.1)
    assert np.isnan(gap[1])
