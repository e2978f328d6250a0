"""Two Gaussians on a line, fitted for many groups of values at once by EM.

M values in G groups: `values` (M,) float64 lie group after group, ascending within each, and
`counts` (G,) says how many belong to each. The rules (start from 2-means, variances plus
`reg_covar`, a group stops when its mean log-likelihood rises by less than `tol`) are those of
sklearn.mixture.GaussianMixture, applied per group; only the 2-means start is exact, not sampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NO_WEIGHT = 10 * np.finfo(np.float64).eps
"""Added to each component's mass, as scikit-learn does, so that an empty one divides by no zero."""


@dataclass(frozen=True, slots=True)
class Mixtures:
    """Fitted mixtures; column 0 is the component of the lower mean."""

    weights: Floats
    """(G, 2), rows sum to 1."""
    means: Floats
    """(G, 2)."""
    variances: Floats
    """(G, 2), each at least `reg_covar`."""
    iterations: Ints
    """(G,) EM steps taken."""
    converged: NDArray[np.bool_]
    """(G,) whether the stopping rule was met within `max_iter`."""

    def separation(self) -> Floats:
        """Return Ashman's D (G,): (m1 - m0) sqrt(2 / (v0 + v1)); above 2 the two stand apart."""
        distance: Floats = self.means[:, 1] - self.means[:, 0]
        spread: Floats = self.variances.sum(axis=1)
        return distance * np.sqrt(2 / spread)

    def log_odds(self, values: Floats, groups: Ints) -> Floats:
        """Return (M,) log odds of the lower component for `values` (M,) in `groups` (M,).

        They fall, or stay, as the value rises: the odds are a parabola in the value, and beyond
        its turning point, where the wider component would win again, its last value is kept.
        """
        square, linear, constant = _parabola(self.weights, self.means, self.variances)
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = -linear / (2 * square)
        low = np.where(square < 0, turn, -np.inf)
        high = np.where(square > 0, turn, np.inf)
        x = np.clip(values, low[groups], high[groups])
        return (square[groups] * x + linear[groups]) * x + constant[groups]


def fit(
    values: Floats,
    counts: Ints,
    *,
    where: NDArray[np.bool_],
    max_iter: int,
    tol: float,
    reg_covar: float,
) -> Mixtures:
    """Fit a mixture to each group of `where` (G,); the rows of other groups are NaN.

    A fitted group needs at least two distinct values.
    """
    found = np.full((3, len(counts), 2), np.nan)
    iterations, converged = np.zeros_like(counts), np.zeros(len(counts), np.bool_)
    active = np.flatnonzero(where)
    values, counts = values[np.repeat(where, counts)], counts[where]
    state = _m_step(values, counts, _two_means(values, counts), reg_covar)
    bound = np.full(len(active), -np.inf)
    for step in range(1, max_iter + 1):
        mass, likelihood = _e_step(values, counts, state)
        state = _m_step(values, counts, mass, reg_covar)
        found[:, active], iterations[active] = state, step
        done = np.abs(likelihood - bound) < tol
        converged[active[done]] = True
        values, counts = values[np.repeat(~done, counts)], counts[~done]
        active, state, bound = active[~done], state[:, ~done], likelihood[~done]
        if not len(active):
            break
    order = np.argsort(found[1], axis=1, kind="stable")
    weights, means, variances = np.take_along_axis(found, order[None], axis=2)
    return Mixtures(weights, means, variances, iterations, converged)


def _starts(counts: Ints) -> Ints:
    return np.cumsum(counts) - counts


def _two_means(values: Floats, counts: Ints) -> Floats:
    """Return the mass (2, M) of the best split of every group: 1 below it and 0 above, and back.

    Exact: of all cuts of the ascending values, the one with the largest sum over both sides of
    (sum of values)^2 / (number of values), which is that of the least squared distance.
    """
    starts = _starts(counts)
    total = np.repeat(np.add.reduceat(values, starts), counts)
    running = np.cumsum(values)
    left_sum = running - np.repeat(running[starts] - values[starts], counts)
    left = np.arange(len(values)) - np.repeat(starts, counts) + 1
    right = np.repeat(counts, counts) - left
    score = left_sum**2 / left + (total - left_sum) ** 2 / np.maximum(right, 1)
    score[right == 0] = -np.inf
    best = np.repeat(np.maximum.reduceat(score, starts), counts)
    place = np.where(score == best, left, len(values) + 1)
    cut = np.repeat(np.minimum.reduceat(place, starts), counts)
    low = (left <= cut).astype(np.float64)
    return np.stack([low, 1 - low])


def _m_step(values: Floats, counts: Ints, mass: Floats, reg_covar: float) -> Floats:
    """Return weights, means and variances (3, G, 2) of the responsibilities `mass` (2, M)."""
    starts = _starts(counts)
    weighted = mass * values
    totals = np.add.reduceat(mass, starts, axis=1).T + _NO_WEIGHT
    means = np.add.reduceat(weighted, starts, axis=1).T / totals
    squares = np.add.reduceat(weighted * values, starts, axis=1).T / totals
    variances = np.maximum(squares - means**2, 0) + reg_covar
    return np.stack([totals / totals.sum(axis=1, keepdims=True), means, variances])


def _parabola(weights: Floats, means: Floats, variances: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (G,) a, b, c: the log odds of component 0 against 1 at x are a x^2 + b x + c."""
    square = -0.5 / variances
    linear = means / variances
    constant = np.log(weights) - 0.5 * (np.log(variances) + means**2 / variances)
    a, b, c = (part[:, 0] - part[:, 1] for part in (square, linear, constant))
    return a, b, c


def _e_step(values: Floats, counts: Ints, parameters: Floats) -> tuple[Floats, Floats]:
    """Return responsibilities (2, M) and the mean log-likelihood (G,) of each group.

    With d the log odds, log(sum of both densities) is that of component 1 plus log(1 + exp d);
    the mean of the first over a group follows from the mean value and mean square.
    """
    starts = _starts(counts)
    a, b, c = (np.repeat(part, counts) for part in _parabola(*parameters))
    odds = (a * values + b) * values + c
    small = np.exp(-np.abs(odds))
    large_share = 1 / (1 + small)
    small_share = small * large_share
    low_wins = odds >= 0
    mass = np.stack(
        [
            np.where(low_wins, large_share, small_share),
            np.where(low_wins, small_share, large_share),
        ]
    )
    excess = np.add.reduceat(np.maximum(odds, 0) + np.log(1 + small), starts) / counts
    mean, square = (np.add.reduceat(part, starts) / counts for part in (values, values**2))
    w, m, v = parameters[:, :, 1]
    other = np.log(w) - 0.5 * (np.log(2 * np.pi * v) + (square - 2 * m * mean + m**2) / v)
    return mass, other + excess
