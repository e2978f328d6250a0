"""How many wrong labels a queue still holds: the model's probabilities, corrected by decisions.

n samples of a round in the order of its queue, G groups of neighbours in it, D random draws.
`odds` says how the chance of an error runs along the queue and from class to class, and how sure
that is; draws of it, then of the errors, add up. Decisions bend it where they lie; away from them
it stays as uncertain as before. Choosing samples by their place or class does no harm to that; the
audit is evidence too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.estimates import odds
from turn_core.seeds import derive
from turn_core.types import Interval

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_DECISIONS = 10
"""With fewer decisions the model's own probabilities are used as they are, and said so."""
DRAWS, GROUPS = 400, 120

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
    given: Ints
    """(n,) number of the given class, -1 for none."""

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
    grid = odds.Grid.of(edges, pool.given)
    mean, covariance = odds.prior(pool.clean_probability, pool.believed, grid)
    source: str | None = MODEL if pool.believed.mean() > 0.5 else None
    if count >= MIN_DECISIONS:
        source = DECISIONS
        decided, wrong = grid.count(pool.decided), grid.count(pool.decided & pool.is_error)
        mean, covariance = odds.posterior(mean, covariance, grid, decided, wrong)
    rng = np.random.default_rng(derive(seed, "forecast"))
    draws = rng.multivariate_normal(mean, covariance, DRAWS, method="cholesky")
    sizes, rates = odds.group_rates(draws, grid, grid.count(pool.open))
    errors = rng.binomial(sizes[:, None], rates)
    running = np.concatenate([np.zeros((1, DRAWS), np.int64), np.cumsum(errors, axis=0)])
    return Forecast(edges, running, np.median(rates, axis=1), count, source)


def _interval(draws: Ints) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    value = float(draws.mean())
    return Interval(value, min(value, float(low)), max(value, float(high)))
