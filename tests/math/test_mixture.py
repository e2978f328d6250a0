import itertools

import numpy as np
import pytest
from scipy.special import expit
from sklearn.mixture import GaussianMixture

from turn_core import mixture

SETTINGS = {"max_iter": 100, "tol": 1e-3, "reg_covar": 5e-4}


def groups_of_losses(seed, sizes):
    """Ascending values in 0..1, group after group: two clusters of varying overlap and share."""
    rng = np.random.default_rng(seed)
    parts = []
    for size in sizes:
        high = rng.random(size) < rng.uniform(0.2, 0.6)
        values = np.where(high, rng.normal(4, 1, size), rng.exponential(0.7, size))
        parts.append(np.sort((values - values.min()) / np.ptp(values)))
    return np.concatenate(parts), np.array(sizes)


def posterior(mixtures, values, counts):
    groups = np.repeat(np.arange(len(counts)), counts)
    return expit(mixtures.log_odds(values, groups)), groups


def fit(values, counts, **settings):
    return mixture.fit(values, counts, where=np.ones(len(counts), bool), **{**SETTINGS, **settings})


@pytest.mark.parametrize(("tol", "max_iter"), [(1e-3, 100), (1e-2, 10), (0, 25)])
@pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")
def test_mixture__is_that_of_scikit_learn_group_by_group(tol, max_iter):
    values, counts = groups_of_losses(0, [60, 300, 150, 500])
    found = fit(values, counts, tol=tol, max_iter=max_iter)
    for group, part in enumerate(np.split(values, np.cumsum(counts)[:-1])):
        cut = min(
            range(1, len(part)), key=lambda n: part[:n].var() * n + part[n:].var() * len(part[n:])
        )
        sides = part[:cut], part[cut:]
        reference = GaussianMixture(
            2,
            tol=tol,
            max_iter=max_iter,
            reg_covar=SETTINGS["reg_covar"],
            weights_init=[len(side) / len(part) for side in sides],
            means_init=[[side.mean()] for side in sides],
            precisions_init=[[[1 / (side.var() + SETTINGS["reg_covar"])]] for side in sides],
        ).fit(part[:, None])
        assert found.iterations[group] == reference.n_iter_
        np.testing.assert_allclose(found.means[group], reference.means_[:, 0], rtol=1e-6)
        np.testing.assert_allclose(found.weights[group], reference.weights_, rtol=1e-6)
        np.testing.assert_allclose(
            found.variances[group], reference.covariances_[:, 0, 0], rtol=1e-6
        )


def test_posterior__agrees_with_scikit_learn_between_the_means():
    values, counts = groups_of_losses(1, [400] * 20)
    found = fit(values, counts)
    ours, groups = posterior(found, values, counts)
    flips = 0
    for group, part in enumerate(np.split(values, np.cumsum(counts)[:-1])):
        reference = GaussianMixture(2, reg_covar=5e-4, random_state=0).fit(part[:, None])
        theirs = reference.predict_proba(part[:, None])[:, reference.means_.argmin()]
        middle = (part > found.means[group, 0]) & (part < found.means[group, 1])
        flips += int(((ours[groups == group] > 0.6) != (theirs > 0.6))[middle].sum())
    assert flips / len(values) <= 1e-3  # scikit-learn samples its start, ours is exact


def test_log_odds__never_rise_with_the_value():
    values, counts = groups_of_losses(2, [200] * 10)
    found = fit(values, counts)
    grid = np.linspace(-1, 2, 500)
    for group in range(10):
        odds = found.log_odds(grid, np.full(500, group))
        assert (np.diff(odds) <= 1e-9).all()


def test_log_odds__by_hand():
    found = mixture.Mixtures(
        weights=np.array([[0.75, 0.25]]),
        means=np.array([[0.0, 2.0]]),
        variances=np.array([[1.0, 1.0]]),
        iterations=np.array([1]),
        converged=np.array([True]),
    )
    # log 3 + ((x - 2)^2 - x^2) / 2 = log 3 + 2 - 2 x
    odds = found.log_odds(np.array([0.0, 1.0, 3.0]), np.zeros(3, np.int64))
    np.testing.assert_allclose(odds, np.log(3) + np.array([2.0, 0.0, -4.0]))
    np.testing.assert_allclose(found.separation(), [2.0])  # |2 - 0| sqrt(2 / (1 + 1))


def test_log_odds__keep_their_last_value_beyond_the_turning_point():
    found = mixture.Mixtures(
        weights=np.array([[0.5, 0.5]]),
        means=np.array([[0.0, 1.0]]),
        variances=np.array([[0.01, 1.0]]),  # the wide component would win again far below 0
        iterations=np.array([1]),
        converged=np.array([True]),
    )
    far, near = found.log_odds(np.array([-5.0, -0.05]), np.zeros(2, np.int64))
    assert far == near > 0


def test_likelihood__rises_with_every_step():
    # `reg_covar` widens the components after each step, so without slack it holds only at 0.
    values, counts = groups_of_losses(3, [300])

    def likelihood(steps):
        found = fit(values, counts, tol=0, max_iter=steps, reg_covar=1e-12)
        scale = np.sqrt(2 * np.pi * found.variances)
        density = (
            found.weights
            / scale
            * np.exp(-((values[:, None] - found.means) ** 2) / (2 * found.variances))
        )
        return np.log(density.sum(axis=1)).mean()

    steps = [likelihood(n) for n in (1, 2, 4, 8, 16)]
    assert all(after > before for before, after in itertools.pairwise(steps))


def test_groups__do_not_touch_each_other_and_may_be_left_out():
    values, counts = groups_of_losses(4, [100, 2, 250])
    where = np.array([True, False, True])
    found = mixture.fit(values, counts, where=where, **SETTINGS)
    alone = fit(values[-250:], counts[-1:])
    np.testing.assert_allclose(found.means[2], alone.means[0], rtol=1e-12)
    assert np.isnan(found.means[1]).all()
    assert np.isnan(found.separation()[1])
    nothing = mixture.fit(values, counts, where=np.zeros(3, bool), **SETTINGS)
    assert np.isnan(nothing.means).all()
