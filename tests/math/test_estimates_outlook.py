"""What a queue still holds: fallbacks by name, what decisions and the audit change."""

import numpy as np
import pytest

from turn_core import estimates
from turn_core.errors import DataError
from turn_core.estimates import Pool

TAU = 0.6


def pool(clean, wrong=(), *, decided=0, audited=(), believed=True, given=None):
    """A pool of which the first `decided` and the `audited` places are decided."""
    n = len(clean)
    done = np.zeros(n, bool)
    done[:decided] = True
    drawn = np.zeros(n, bool)
    drawn[list(audited)] = True
    errors = np.zeros(n, bool)
    errors[list(wrong)] = True
    done |= drawn
    given = np.zeros(n, int) if given is None else np.array(given)
    clean = np.array(clean, float)
    return Pool(clean, np.full(n, believed), done, errors & done, ~done, drawn, given)


def two_groups(num_bad=100, num_good=400):
    return [0.005] * num_bad + [0.98] * num_good


def outlook(found):
    return estimates.outlook(found, [TAU], seed=0)


def test_without_decisions_the_model_says_how_many_errors_there_are():
    found = outlook(pool(two_groups()))
    (cut,) = found.cuts
    assert (found.source, found.num_decisions) == ("model", 0)
    assert cut.to_review == 100
    assert 60 < cut.errors.value < 100
    assert cut.errors.low < 60  # a mixture may be too sure of itself
    assert cut.left_source == "model"
    assert found.advice.stop is False


def test_a_few_decisions_leave_the_model_as_it_is():
    found = outlook(pool(two_groups(), decided=9))
    assert found.source == "model"
    assert found.num_decisions == 9


def test_ranks_without_decisions_promise_nothing():
    found = outlook(pool([0.7] * 200, believed=False))
    assert found.source is None
    assert found.cuts[0].errors is None
    assert found.cuts[0].left is None
    assert found.advice.stop is None


def test_decisions_that_keep_the_labels_bring_the_expectation_down():
    kept = outlook(pool(two_groups(), decided=50)).cuts[0]
    changed = outlook(pool(two_groups(), wrong=range(50), decided=50)).cuts[0]
    assert kept.to_review == changed.to_review == 50
    assert kept.errors.value < 15
    assert changed.errors.value > 35
    assert outlook(pool(two_groups(), decided=50)).source == "decisions"


def test_audit_measures_the_errors_left_below_the_cut():
    audited = range(100, 500, 8)  # 50 of the 400, 5 of them wrong
    cut = outlook(pool(two_groups(), wrong=list(audited)[:5], audited=audited)).cuts[0]
    assert cut.left_source == "audit"
    assert cut.left.value == pytest.approx(350 * 5 / 50)
    assert cut.left.low < 35 < cut.left.high


def test_errors_that_others_found_below_the_cut_are_not_left():
    """150 decided below the cut from the top; the audit beyond them alone tells what is left."""
    audited = range(260, 500, 8)
    cut = outlook(pool(two_groups(), wrong=range(250), decided=250, audited=audited)).cuts[0]
    assert cut.to_review == 0
    assert cut.left.value < 15  # the few between the front and the audit may be wrong
    assert cut.left.high < 40


def test_stop_once_the_next_labels_are_right():
    found = outlook(pool(two_groups(), wrong=range(100), decided=200))
    assert found.advice.stop is True
    assert found.advice.to_review == 0
    assert found.advice.errors.value == 0


def test_go_on_while_the_next_labels_are_wrong():
    advice = outlook(pool(two_groups(), wrong=range(60), decided=60)).advice
    assert advice.stop is False
    assert 40 <= advice.to_review < 100
    assert advice.errors.value > 30


def test_a_single_error_far_behind_keeps_nobody_reviewing():
    audited = range(100, 500, 10)
    found = outlook(pool(two_groups(), wrong=[*range(100), 410], decided=150, audited=audited))
    assert found.advice.stop is True
    assert found.advice.left.value > 0


def test_pool_of_nothing():
    found = estimates.outlook(pool([]), [TAU], seed=0)
    assert found.source is None
    assert found.cuts[0].to_review == 0


def test_same_seed_same_numbers():
    one, two = (outlook(pool(two_groups(), wrong=range(30), decided=60)) for _ in range(2))
    assert one.cuts == two.cuts
    assert one.advice == two.advice


def test_pool_with_a_missing_value_is_refused():
    with pytest.raises(DataError, match="one value of each kind"):
        Pool(np.zeros(3), *(np.zeros(2, bool) for _ in range(6)))


def test_interval_of_expected_errors_covers_simulated_projects():
    """A model that is too sure, worst first; benchmarks/estimate_coverage.py is the full check."""
    covered = []
    for number in range(40):
        rng = np.random.default_rng(number)
        place = np.linspace(0, 1, 1000)
        rate = rng.uniform(0.6, 1) / (1 + np.exp((place - rng.uniform(0.1, 0.3)) * 40))
        wrong = rng.random(1000) < rate
        clean = np.clip(place * 3.0 - rng.uniform(0, 0.2), 0, 1)
        audited = rng.permutation(1000)[:20]
        found = pool(
            clean, np.flatnonzero(wrong), decided=int(rng.integers(30, 150)), audited=audited
        )
        cut = outlook(found).cuts[0]
        actual = wrong[found.open & (found.clean_probability <= TAU)].sum()
        covered.append(cut.errors.low <= actual <= cut.errors.high)
    assert np.mean(covered) >= 0.9


def test_a_model_that_is_certain_of_all_it_flags_is_not_believed_to_the_last():
    """The first fifty flagged are wrong; of the last fifty of a hundred that is not known."""
    cut = outlook(pool(two_groups(), wrong=range(50), decided=50)).cuts[0]
    assert cut.errors.low < 25
    assert cut.errors.high == 50


def test_who_reviews_one_class_learns_less_of_the_others():
    """Classes 0 and 1 take turns among a hundred flagged labels; fifty errors are found."""
    turns = [0, 1] * 250
    one = pool(two_groups(), wrong=range(0, 100, 2), audited=range(0, 100, 2), given=turns)
    alike = pool(two_groups(), wrong=range(0, 100, 2), audited=range(0, 100, 2))
    widths = [
        found.errors.high - found.errors.low for found in (outlook(p).cuts[0] for p in (one, alike))
    ]
    assert widths[0] > 1.2 * widths[1]
