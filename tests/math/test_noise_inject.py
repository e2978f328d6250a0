import numpy as np
import pytest

from turn_core.errors import ConfigError, DataError
from turn_core.noise import inject, symmetric_transition


def test_symmetric_transition__by_hand():
    np.testing.assert_allclose(
        symmetric_transition(3, 0.4), [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]]
    )
    np.testing.assert_allclose(
        symmetric_transition(4, 0.4, include_true=True)[0], [0.7, 0.1, 0.1, 0.1]
    )


@pytest.mark.parametrize("include_true", [False, True])
@pytest.mark.parametrize("rate", [0, 0.3, 1])
def test_symmetric_transition__rows_sum_to_1(rate, include_true):
    matrix = symmetric_transition(7, rate, include_true=include_true)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert (matrix >= 0).all()


def test_inject__draws_from_the_row_of_the_true_label():
    transition = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]])
    true = np.repeat([0, 1, 2], 20_000)
    given = inject(true, transition, seed=0)
    for label in range(3):
        shares = np.bincount(given[true == label], minlength=3) / 20_000
        np.testing.assert_allclose(shares, transition[label], atol=0.015)
    assert not (given[true == 0] == 2).any()  # probability 0 is never


def test_inject__includes_the_true_class_or_not():
    true = np.arange(50_000) % 5
    with_true = inject(true, symmetric_transition(5, 0.6, include_true=True), seed=1)
    without = inject(true, symmetric_transition(5, 0.6), seed=1)
    assert (with_true != true).mean() == pytest.approx(0.6 * 4 / 5, abs=0.01)
    assert (without != true).mean() == pytest.approx(0.6, abs=0.01)


def test_inject__is_a_function_of_the_seed():
    true = np.arange(1000) % 4
    transition = symmetric_transition(4, 0.5)
    np.testing.assert_array_equal(
        inject(true, transition, seed=3), inject(true, transition, seed=3)
    )
    assert (inject(true, transition, seed=3) != inject(true, transition, seed=4)).any()
    np.testing.assert_array_equal(inject(true, np.eye(4), seed=3), true)


def test_inject__shares_no_numbers_with_a_generator_of_the_same_seed():
    """Else noise and a later random draw with the run's seed would hit the same samples."""
    true = np.zeros(5000, np.int64)
    flipped = inject(true, symmetric_transition(2, 0.5), seed=0) == 1
    draw = np.random.default_rng(0).random(5000)
    assert abs(np.corrcoef(flipped, draw)[0, 1]) < 0.05


def test_inject__of_nothing_is_nothing():
    assert len(inject(np.empty(0, np.int64), np.eye(2), seed=0)) == 0


@pytest.mark.parametrize(
    ("transition", "labels", "message"),
    [
        (np.ones((2, 3)) / 3, [0], "square and not negative"),
        (np.array([[1.5, -0.5], [0, 1]]), [0], "square and not negative"),
        (np.array([[0.5, 0.4], [0, 1]]), [0], "sum to 1, got 0.9 to 1"),
        (np.eye(2), [0, 2], "labels must be from 0 to 1, got 0 to 2"),
    ],
)
def test_inject__refuses_what_is_no_transition(transition, labels, message):
    with pytest.raises(DataError, match=message):
        inject(np.array(labels), transition, seed=0)


@pytest.mark.parametrize(("num_classes", "rate"), [(1, 0.5), (3, 1.1), (3, -0.1)])
def test_symmetric_transition__refuses_what_is_no_rate(num_classes, rate):
    with pytest.raises(ConfigError, match=r"noise"):
        symmetric_transition(num_classes, rate)
