"""Intervals from uniform samples: by hand, against scipy, and whether they cover the truth."""

import numpy as np
import pytest
from scipy.stats import betabinom, binomtest

from turn_core import estimates
from turn_core.errors import DataError


@pytest.mark.parametrize(("successes", "total"), [(0, 10), (3, 10), (10, 10), (137, 1000)])
def test_wilson_interval__is_that_of_scipy(successes, total):
    ours = estimates.wilson_interval(successes, total)
    reference = binomtest(successes, total).proportion_ci(method="wilson")
    assert ours.value == successes / total
    assert ours.low == pytest.approx(reference.low, abs=1e-12)
    assert ours.high == pytest.approx(reference.high, abs=1e-12)


def test_wilson_interval__of_nothing_is_nothing():
    assert estimates.wilson_interval(0, 0) is None


def test_wilson_interval__covers_the_rate_of_simulated_projects():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(5000):
        rate, drawn = rng.uniform(0.02, 0.4), int(rng.integers(20, 500))
        found = estimates.wilson_interval(int(rng.binomial(drawn, rate)), drawn)
        covered.append(found.low <= rate <= found.high)
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize(("found", "drawn", "population"), [(1, 20, 50), (7, 30, 400)])
def test_errors_among__is_the_central_part_of_scipys_beta_binomial(found, drawn, population):
    ours = estimates.errors_among(found, drawn, population)
    reference = betabinom(population, found + 0.5, drawn - found + 0.5)
    assert ours.value == population * found / drawn
    assert ours.low == reference.ppf(0.025)
    assert ours.high == reference.ppf(0.975)


def test_errors_among__reaches_to_the_end_where_none_or_all_are_wrong():
    assert estimates.errors_among(0, 20, 100).low == 0
    assert estimates.errors_among(20, 20, 100).high == 100


def test_errors_among__scales_a_large_population():
    large = estimates.errors_among(5, 100, 1_000_000)
    small = estimates.errors_among(5, 100, 10_000)
    assert large.high / 1_000_000 == pytest.approx(small.high / 10_000, rel=0.02)


def test_errors_among__of_nothing_drawn_is_unknown_and_of_nobody_is_none():
    assert estimates.errors_among(0, 0, 10) is None
    assert estimates.errors_among(1, 5, 0) == estimates.errors_among(1, 9, 0)
    assert estimates.errors_among(1, 5, 0).high == 0


def test_errors_among__more_found_than_drawn_is_refused():
    with pytest.raises(DataError, match="from 0 to the number drawn"):
        estimates.errors_among(3, 2, 10)
