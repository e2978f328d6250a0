"""How many wrong labels a queue still holds: the model's probabilities, corrected by decisions.

n samples of a round in the order of its queue, G groups of neighbours in it, D random draws.
The log odds f of an error in each group are a Gaussian process: around those of the model, which
may be off as a whole, in their slope, and smoothly along the queue. Decisions bend f where they
lie (binomial likelihood, Laplace approximation); away from them it stays as uncertain as before.
Choosing samples by their place in the queue does no harm to that; the audit is evidence too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.seeds import derive
from turn_core.types import Interval

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_DECISIONS = 30
"""With fewer decisions the model's own probabilities are used as they are, and said so."""
CAUTION = 0.5
"""Log odds above 0 are shrunk by this: a mixture is too sure of what it calls wrong."""
LIMITS = (-4.6, 9.2)
"""Log odds of an error are kept within: 1 % at the clean end, where a mixture's tail says no more;
0.01 % off at the other."""
UNKNOWN = -3.5
"""Log odds in the middle of a queue whose model gives no probabilities, only the order."""
DRAWS, GROUPS = 400, 120

OFFSET, SLOPE, BEND, LENGTH, ROUGH = 0.7, 0.5, 2.0, 0.5, 0.2
"""Prior deviations of f: as a whole; per unit of the model's log odds, on either side of 0; along
the queue, alike within LENGTH in log odds of the place; per group. Chosen on simulated projects so
that the intervals hold what they promise: benchmarks/estimate_coverage.py."""
UNKNOWN_OFFSET = 2.0
"""The first of them where the model gives no probabilities."""

DECISIONS, MODEL = "decisions", "model"
"""What an estimate rests on."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The samples that no one had decided when the round began, the most suspicious first."""

    clean_probability: Floats
    """(n,) of the round."""
    believed: Bools
    """(n,) whether that is a probability; False where the round could only rank."""
    decided: Bools
    """(n,) kept or relabeled since."""
    is_error: Bools
    """(n,) relabeled; of no meaning where not decided."""
    open: Bools
    """(n,) still to decide; neither this nor `decided` is an excluded sample."""
    audited: Bools
    """(n,) decided, and drawn uniformly for the audit."""

    def __post_init__(self) -> None:
        shapes = {np.shape(getattr(self, name)) for name in self.__slots__}
        if len(shapes) != 1:
            raise DataError(f"a pool needs one value of each kind per sample, got shapes {shapes}")

    def __len__(self) -> int:
        """Return n."""
        return len(self.open)

    def places(self, taus: Sequence[float]) -> Ints:
        """Return how many samples lie at or below each threshold."""
        return np.array([np.sum(self.clean_probability <= tau) for tau in taus], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Draws of how the errors among the open samples add up along the queue."""

    edges: Ints
    """(G + 1,) places in the queue, ascending, from 0 to n."""
    running: Ints
    """(G + 1, D) errors among the open samples before each edge."""
    rate: Floats
    """(G,) typical share of errors in each group: the median of its distribution."""
    num_decisions: int
    source: str | None
    """`decisions`; `model` where they are too few; None where the round then only ranks."""

    def before(self, place: int) -> Interval:
        """Return the errors before `place`, which must be an edge, with their 95 % interval."""
        return _interval(self.running[np.searchsorted(self.edges, place)])

    def between(self, start: int, stop: int) -> Interval:
        """Return the errors from `start` to before `stop`, both edges."""
        first, last = np.searchsorted(self.edges, [start, stop])
        return _interval(self.running[last] - self.running[first])


def forecast(pool: Pool, places: Sequence[int], *, seed: int) -> Forecast:
    """Predict the errors among the open samples; `places` become edges, `seed` is of the draws.

    With fewer than MIN_DECISIONS decisions they are left aside, and the source says so.
    """
    n, count = len(pool), int(pool.decided.sum())
    edges = np.unique([0, n, *places, *np.linspace(0, n, GROUPS + 1).astype(np.int64)])
    if n == 0:
        return Forecast(edges, np.zeros((1, DRAWS), np.int64), np.zeros(0), 0, None)
    mean, covariance = _prior(pool, edges)
    source: str | None = MODEL if pool.believed.mean() > 0.5 else None
    if count >= MIN_DECISIONS:
        source = DECISIONS
        decided, wrong = (
            _sums(mask, edges) for mask in (pool.decided, pool.decided & pool.is_error)
        )
        mean, covariance = _posterior(mean, covariance, wrong, decided)
    rng = np.random.default_rng(derive(seed, "forecast"))
    draws = rng.multivariate_normal(mean, covariance, DRAWS, method="cholesky")
    rates = _sigmoid(draws).T  # (G, D)
    errors = rng.binomial(_sums(pool.open, edges)[:, None], rates)
    running = np.concatenate([np.zeros((1, DRAWS), np.int64), np.cumsum(errors, axis=0)])
    return Forecast(edges, running, _sigmoid(mean), count, source)


def _interval(draws: Ints) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    value = float(draws.mean())
    return Interval(value, min(value, float(low)), max(value, float(high)))


def _sums(mask: Bools, edges: Ints) -> Ints:
    running = np.concatenate([[0], np.cumsum(mask)])
    return np.diff(running[edges])


def _prior(pool: Pool, edges: Ints) -> tuple[Floats, Floats]:
    """Return mean (G,) and covariance (G, G) of the log odds of an error in each group."""
    n = len(pool)
    place = -_logit((np.arange(n) + 0.5) / n)
    inner = np.clip(1 - pool.clean_probability, 1e-12, 1 - 1e-12)
    odds = np.where(pool.believed, np.clip(_logit(inner), *LIMITS), UNKNOWN + CAUTION * place)
    odds = np.where(pool.believed & (odds > 0), CAUTION * odds, np.maximum(odds, LIMITS[0]))
    starts, sizes = edges[:-1], np.diff(edges)
    x, z, known = (np.add.reduceat(v, starts) / sizes for v in (odds, place, pool.believed * 1.0))
    offset = OFFSET * known + UNKNOWN_OFFSET * (1 - known)
    covariance = np.outer(offset, offset)
    for side in (np.maximum(x, 0), np.minimum(x, 0)):
        covariance += SLOPE**2 * np.outer(side, side)
    covariance += BEND**2 * np.exp(-0.5 * ((z[:, None] - z) / LENGTH) ** 2)
    covariance[np.diag_indices_from(covariance)] += ROUGH**2
    return x, covariance


def _posterior(
    mean: Floats, covariance: Floats, wrong: Ints, decided: Ints, *, steps: int = 60
) -> tuple[Floats, Floats]:
    """Return the mode of f (G,) and its covariance, by Newton (Rasmussen & Williams, 2006, 3.4)."""
    f, size = mean.copy(), len(mean)
    for _ in range(steps):
        p = _sigmoid(f)
        weight = decided * p * (1 - p)
        solve = np.eye(size) + covariance * weight  # I + K W
        target = covariance @ (weight * (f - mean) + wrong - decided * p)
        step = mean + np.linalg.solve(solve, target) - f
        f = f + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-7:
            break
    posterior = np.linalg.solve(solve, covariance)
    return f, (posterior + posterior.T) / 2 + 1e-9 * np.eye(size)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)))


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share / (1 - share)))
