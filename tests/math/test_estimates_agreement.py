"""Kappas: by hand, against scikit-learn, and intervals that hold."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from turn_core.errors import DataError
from turn_core.estimates import cohen_kappa, fleiss_kappa

FLEISS_1971 = np.array(  # ten subjects, fourteen raters, five categories
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def choices(table):
    """(items, categories) of a table of counts."""
    cells = [(i, j) for (i, j), number in np.ndenumerate(table) for _ in range(number)]
    return np.array(cells, np.int64).T


def test_cohen__by_hand():
    # 20 yes-yes, 15 no-no, 5 yes-no, 10 no-yes: p = 0.7, e = 0.5 x 0.6 + 0.5 x 0.4 = 0.5
    first = np.repeat([1, 0, 1, 0], [20, 15, 5, 10])
    second = np.repeat([1, 0, 0, 1], [20, 15, 5, 10])
    found = cohen_kappa(first, second)
    assert found.percent == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    # Fleiss, Cohen & Everitt: (0.10972 + 0.10188 - 0.01) / (0.25 x 50) = 0.127 ** 2
    assert (found.kappa.high - found.kappa.low) / (2 * 1.959964) == pytest.approx(0.1270, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_cohen__as_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first, noise = rng.integers(0, 6, (2, 80))
    second = np.where(rng.random(80) < 0.6, first, noise)
    found = cohen_kappa(first * 7, second * 7)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second))


def test_cohen__the_interval_covers_the_kappa_of_the_population():
    rng = np.random.default_rng(0)
    # Both right with 0.8 independently, else any of the other two of three equal classes.
    agree = 0.8**2 + 2 * 0.1**2
    true_kappa, covered = (agree - 1 / 3) / (2 / 3), 0
    for _ in range(200):
        truth = rng.integers(0, 3, 150)
        says = [
            np.where(rng.random(150) < 0.8, truth, (truth + rng.integers(1, 3, 150)) % 3)
            for _ in "ab"
        ]
        found = cohen_kappa(*says)
        covered += found.kappa.low <= true_kappa <= found.kappa.high
    assert covered >= 180


def test_fleiss__his_own_example():
    found = fleiss_kappa(*choices(FLEISS_1971))
    assert found.percent == pytest.approx(0.378, abs=5e-4)
    assert found.kappa.value == pytest.approx(0.210, abs=5e-4)
    assert found.kappa.low < 0.210 < found.kappa.high


def test_fleiss__items_with_one_choice_are_left_out_and_numbers_may_differ():
    # Item 0: a a b (a third of its pairs agree), item 1: b b; item 2 has one choice only.
    found = fleiss_kappa(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]))
    assert found.percent == pytest.approx((1 / 3 + 1) / 2)
    chance = (1 / 3) ** 2 + (2 / 3) ** 2  # mean shares: a (2/3 + 0) / 2, b (1/3 + 1) / 2
    assert found.kappa.value == pytest.approx((2 / 3 - chance) / (1 - chance))


def test_nothing_to_compare_is_told_and_not_made_up():
    none = np.array([], np.int64)
    assert cohen_kappa(none, none).percent is None
    assert fleiss_kappa(np.array([0, 1]), np.array([0, 0])).percent is None
    same = np.zeros(5, np.int64)
    assert (cohen_kappa(same, same).percent, cohen_kappa(same, same).kappa) == (1.0, None)
    assert fleiss_kappa(np.array([0, 0]), np.array([3, 3])).kappa is None
    with pytest.raises(DataError, match="same items"):
        cohen_kappa(same, none)
    with pytest.raises(DataError, match="item and a category"):
        fleiss_kappa(same, none)
