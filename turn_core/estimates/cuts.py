"""What each threshold means for the work, and when to stop. n samples of a pool, T thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turn_core.estimates.expected import Forecast, Pool, forecast
from turn_core.estimates.intervals import errors_among
from turn_core.types import Interval

AUDIT = "audit"
"""The errors left were measured by the audit, not predicted."""
MIN_AUDIT = 10
"""With fewer audited samples in the unreviewed part the errors left are predicted."""
REVIEWED = 0.95
"""The front of the review is the last place before which this share is decided."""
WORTH = 0.05
"""Reviewing goes on while the typical share of errors is at least this: 1 in 20."""
AHEAD = 3
"""Groups over which that share is averaged: one unlucky group ends no review."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a threshold means: open samples at or below tau are to review."""

    tau: float
    to_review: int
    errors: Interval | None
    """Wrong labels among them; None where nothing is known."""
    left: Interval | None
    """Wrong labels among the open samples above tau."""
    left_source: str | None
    """`audit`, `decisions`, `model`, or None."""


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """Whether to stop; until then, what is worth reviewing and what it brings."""

    stop: bool | None
    """None where nothing is known yet."""
    to_review: int
    """Open samples up to the first place where the share of errors falls below WORTH."""
    errors: Interval | None
    """Wrong labels among them."""
    left: Interval | None
    """Wrong labels that then stay."""
    left_source: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """All that the queue of a pool still promises."""

    cuts: tuple[Cut, ...]
    """(T,)."""
    advice: StopAdvice
    source: str | None
    """What the expected errors rest on: `decisions`, `model`, or None."""
    num_decisions: int
    remaining: Interval | None
    """Wrong labels among all open samples."""
    remaining_source: str | None
    """`audit`, `decisions`, `model`, or None."""


def outlook(pool: Pool, taus: Sequence[float], *, seed: int) -> Outlook:
    """Return what each threshold means and whether to stop; `seed` is that of the random draws."""
    places, front = pool.places(taus), _front(pool)
    found = forecast(pool, [*places, front], seed=seed)
    remaining, source = _remaining(pool, front, found)
    return Outlook(
        tuple(_cut(pool, tau, int(place), front, found) for tau, place in zip(taus, places)),
        _advice(pool, front, found),
        found.source,
        found.num_decisions,
        remaining,
        source,
    )


def _cut(pool: Pool, tau: float, place: int, front: int, found: Forecast) -> Cut:
    left, source = _left(pool, place, front, found)
    errors = found.before(place) if found.source else None
    return Cut(tau, int(pool.open[:place].sum()), errors, left, source)


def _advice(pool: Pool, front: int, found: Forecast) -> StopAdvice:
    place = _worth_until(pool, found)
    to_review = int(pool.open[:place].sum())
    left, source = _left(pool, place, front, found)
    if found.source is None:
        return StopAdvice(None, to_review, None, left, source)
    return StopAdvice(to_review == 0, to_review, found.before(place), left, source)


def _worth_until(pool: Pool, found: Forecast) -> int:
    """Return the first edge after which the share of errors, AHEAD groups on, is below WORTH."""
    open_before = np.concatenate([[0], np.cumsum(pool.open)])[found.edges]
    waiting = found.rate[np.diff(open_before) > 0]
    starts = found.edges[:-1][np.diff(open_before) > 0]
    for group, start in enumerate(starts):
        if waiting[group : group + AHEAD].mean() < WORTH:
            return int(start)
    return len(pool)


def _left(
    pool: Pool, place: int, front: int, found: Forecast
) -> tuple[Interval | None, str | None]:
    """Return the errors among the open samples from `place` on, and what they rest on.

    Few audited samples are no measurement, but the interval of the forecast is widened to theirs.
    """
    drawn, measured = _measured(pool, place, front, found)
    if drawn >= MIN_AUDIT:
        return measured, AUDIT
    if found.source is None:
        return None, None
    predicted = found.between(place, len(pool))
    if measured is not None:
        low, high = min(predicted.low, measured.low), max(predicted.high, measured.high)
        predicted = Interval(predicted.value, low, high)
    return predicted, found.source


def _remaining(pool: Pool, front: int, found: Forecast) -> tuple[Interval | None, str | None]:
    """Return the errors among all open samples, and what that rests on.

    Few audited samples only lower the interval of the forecast: the long tail of a queue holds
    more errors by it than in truth, never fewer (benchmarks/estimate_cifar100n.py), and one or two
    audited samples would stretch it to nearly everything. For the same reason its value is the
    median.
    """
    drawn, measured = _measured(pool, 0, front, found)
    if drawn >= MIN_AUDIT:
        return measured, AUDIT
    if found.source is None:
        return None, None
    predicted = found.before(len(pool))
    value = float(np.median(found.running[-1]))
    low = predicted.low if measured is None else min(predicted.low, measured.low)
    return Interval(value, min(value, low), max(value, predicted.high)), found.source


def _measured(pool: Pool, place: int, front: int, found: Forecast) -> tuple[int, Interval | None]:
    """Return how many audited samples lie beyond `place` and the front, and the errors by them.

    Beyond the front the audited are a uniform sample of all: their share of errors gives that of
    the others, of which those that other decisions found are subtracted. The few open samples
    before the front are predicted.
    """
    start = max(place, front)
    audited, others = pool.audited[start:], pool.decided[start:] & ~pool.audited[start:]
    drawn, rest = int(audited.sum()), int((pool.open[start:] | others).sum())
    errors = pool.is_error[start:]
    total = errors_among(int(errors[audited].sum()), drawn, rest)
    if total is None:
        return 0, None
    known, most = int(errors[others].sum()), int(pool.open[start:].sum())
    ends = np.clip([total.value - known, total.low - known, total.high - known], 0, most)
    if start > place:
        before = found.between(place, start)
        ends += np.array([before.value, before.low, before.high])
    return drawn, Interval(*ends.tolist())


def _front(pool: Pool) -> int:
    """Return the last place before which REVIEWED of the samples are no longer open."""
    done = np.cumsum(~pool.open) >= REVIEWED * np.arange(1, len(pool) + 1)
    return int(np.flatnonzero(done)[-1]) + 1 if done.any() else 0
