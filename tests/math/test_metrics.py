import numpy as np
import pytest

from turn_core import metrics
from turn_core.errors import DataError

CLEAN = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
ERROR = np.array([True, False, True, False, False])


def test_detection_report__by_hand():
    report = metrics.detection_report(CLEAN, ERROR, threshold=0.2)
    assert (report.num_samples, report.num_errors) == (5, 2)
    assert report.auroc == pytest.approx(5 / 6)  # of 2 x 3 pairs, one is in the wrong order
    assert report.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert report.precision == 1 / 2  # flagged: the first two
    assert report.recall == 1 / 2
    assert report.f1 == 1 / 2
    assert report.lift_errors == pytest.approx((1 / 2) / (2 / 5))
    assert report.lift_100 == 1  # fewer than 100 samples: all of them


def test_detection_report__orders_ties_by_loss():
    tied = np.zeros(4)
    is_error = np.array([False, True, False, True])
    blind = metrics.detection_report(tied, is_error, threshold=0.5)
    seeing = metrics.detection_report(
        tied, is_error, threshold=0.5, losses=np.array([1.0, 4.0, 2.0, 3.0])
    )
    assert blind.auroc == 0.5
    assert seeing.auroc == seeing.average_precision == 1


def test_detection_report__leaves_what_is_undefined_empty():
    none = metrics.detection_report(CLEAN, np.zeros(5, bool), threshold=0.05)
    assert none.auroc is none.average_precision is none.recall is none.f1 is none.lift_100 is None
    assert none.precision is None  # nothing is flagged
    every = metrics.detection_report(CLEAN, np.ones(5, bool), threshold=0.5)
    assert every.auroc is None
    assert (every.precision, every.recall) == (1, 3 / 5)


def test_detection_report__refuses_unequal_shapes():
    with pytest.raises(DataError, match="clean_probability has shape"):
        metrics.detection_report(CLEAN, ERROR[:3], threshold=0.5)


def test_lift__by_hand():
    suspicion = np.arange(10, 0, -1)
    is_error = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], bool)
    assert metrics.lift(suspicion, is_error, k=2) == pytest.approx(5)
    assert metrics.lift(suspicion, is_error, k=4) == pytest.approx(2.5)
    assert metrics.lift(suspicion, is_error, k=0) is None


def test_noise_interval__by_hand():
    # Of 100 samples 50 have a posterior: 10 surely wrong, 10 undecided, 30 surely right.
    posterior = np.repeat([0.0, 0.5, 1.0], [10, 10, 30])
    found = metrics.noise_interval(posterior, num_samples=100)
    assert found.value == pytest.approx(0.15)
    assert found.low == pytest.approx(0.10 - 1.96 * np.sqrt(0.10 * 0.90 / 100), abs=1e-4)
    assert found.high == pytest.approx(0.20 + 1.96 * np.sqrt(0.20 * 0.80 / 100), abs=1e-4)


def test_noise_interval__stays_in_0_to_1_and_needs_a_posterior():
    found = metrics.noise_interval(np.array([0.5]), num_samples=1)
    assert (found.low, found.value, found.high) == (0, 0.5, 1)
    assert metrics.noise_interval(np.empty(0), num_samples=7) is None


def test_accuracy__by_hand():
    assert metrics.accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 0.75
    assert metrics.accuracy(np.empty(0, int), np.empty(0, int)) is None


def test_rank_correlation__sees_order_only():
    values = np.array([1.0, 2.0, 5.0, 9.0])
    assert metrics.rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert metrics.rank_correlation(values, -values) == pytest.approx(-1)
    assert metrics.rank_correlation(values, np.zeros(4)) is None
