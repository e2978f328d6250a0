"""Honest numbers of a round: what its queue still holds, what the audit says, when to stop.

docs/quality.md gives every number its formula, its source, and when it misleads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turn_core import estimates
from turn_core.estimates import Cut, EffortCurve, Joint, Outlook
from turn_core.estimates import Pair as Pair
from turn_core.services import overviews, quality_rows
from turn_core.services.quality_rows import Rows
from turn_core.services.workspace import Workspace
from turn_core.store import audits as audit_queries
from turn_core.store import projects as project_queries
from turn_core.store import quality as queries
from turn_core.store import runs as run_queries
from turn_core.store import votes as vote_queries
from turn_core.types import Interval, Run

TAUS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The grid of thresholds; that of the run is added."""


@dataclass(frozen=True, slots=True)
class Work:
    """A number of reviews, and how long they take at the reviewers' median pace."""

    reviews: int
    hours: float | None
    """None where no decision was timed."""


@dataclass(frozen=True, slots=True)
class AuditEstimate:
    """What the random audit says, and what the model thinks, of all given labels."""

    num_audited: int
    num_errors: int
    num_undecided: int
    """Drawn before the last audited sample and not decided, such as skipped ones: not counted."""
    noise: Interval | None
    """Share of wrong labels with Wilson's interval; None before the first audited decision.

    With conflicts the interval reaches from all of their labels being right to all being wrong.
    """
    by_model: Interval | None
    num_in_conflict: int = 0
    """Of the undecided ones, those on which reviewers disagree: they count as half wrong."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What reviewing found in this round; a biased sample, chosen by suspicion."""

    num_reviewed: int
    num_errors: int
    precision: float | None
    calibration_error: float | None
    """Of the model's own probabilities on the decisions; None without any it stands by."""


@dataclass(frozen=True, slots=True)
class TruthCheck:
    """Expected against actual errors at a threshold, where the true labels are known."""

    tau: float
    to_review: int
    expected: float
    actual: int
    gap: float | None
    """|expected - actual| per sample to review; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """All numbers of a round as of one moment."""

    run: Run
    num_samples: int
    num_open: int
    tau: float
    cuts: tuple[Cut, ...]
    work: tuple[Work, ...]
    """One per cut."""
    outlook: Outlook
    advised: Work
    """What the advice asks for."""
    seconds_per_decision: float | None
    num_timed: int
    audit: AuditEstimate
    reviewed: Reviewed
    curve: EffortCurve
    joint: Joint
    class_ids: tuple[int, ...]
    """Store ids of the classes by their index in `joint`."""
    class_names: tuple[str, ...]
    truth: tuple[TruthCheck, ...]
    """Empty where the true labels are not known."""

    def cut(self, tau: float) -> tuple[Cut, Work]:
        """Return the cut nearest to tau."""
        place = int(np.argmin([abs(cut.tau - tau) for cut in self.cuts]))
        return self.cuts[place], self.work[place]


def quality(workspace: Workspace, project_id: int, run_id: int) -> Quality:
    """Gather the numbers of a round. Takes about a second for 100,000 samples: keep the result.

    Raises:
        NotFoundError: the project has no such run.
    """
    with workspace.reading() as session:
        run = run_queries.get_run(session, project_id, run_id)
        classes = project_queries.class_list(session, project_id)
        scored = queries.scored(session, run_id)
        events = queries.decisions(session, project_id)
        draw = audit_queries.order(session, project_id)
        disputed = vote_queries.conflict_ids(session, project_id)
    class_ids = [class_id for class_id, _, _ in classes]
    rows = quality_rows.gather(scored, events, run_id, class_ids, draw)
    tau = overviews.threshold(run)
    found = estimates.outlook(rows.pool(), sorted({*TAUS, tau}), seed=run.seed)
    pace, num_timed = quality_rows.pace(events)
    at_tau = next(cut for cut in found.cuts if cut.tau == tau)
    return Quality(
        run=run,
        num_samples=len(rows),
        num_open=int(rows.open.sum()),
        tau=tau,
        cuts=found.cuts,
        work=tuple(_work(cut.to_review, pace) for cut in found.cuts),
        outlook=found,
        advised=_work(found.advice.to_review, pace),
        seconds_per_decision=pace,
        num_timed=num_timed,
        audit=_audit(rows, run, disputed),
        reviewed=_reviewed(rows),
        curve=_curve(rows, at_tau),
        joint=rows.joint(tau, len(classes)),
        class_ids=tuple(class_ids),
        class_names=tuple(name for _, _, name in classes),
        truth=_truth(rows, found.cuts),
    )


def _work(reviews: int, pace: float | None) -> Work:
    return Work(reviews, None if pace is None else reviews * pace / 3600)


def _audit(rows: Rows, run: Run, disputed: Sequence[int]) -> AuditEstimate:
    number, errors = int(rows.audited.sum()), int(rows.relabeled[rows.audited].sum())
    undecided = rows.drawn & rows.open
    # Labels on which reviewers disagree are wrong more often than others: none is left out.
    conflicts = int((undecided & np.isin(rows.sample_ids, disputed)).sum())
    noise = _noise(errors, number, conflicts)
    by_model = overviews.noise_rate(run.metrics)
    return AuditEstimate(number, errors, int(undecided.sum()), noise, by_model, conflicts)


def _noise(errors: int, number: int, conflicts: int) -> Interval | None:
    drawn = number + conflicts
    least = estimates.wilson_interval(errors, drawn)
    most = estimates.wilson_interval(errors + conflicts, drawn)
    if least is None or most is None:
        return None
    return Interval((errors + conflicts / 2) / drawn, least.low, most.high)


def _reviewed(rows: Rows) -> Reviewed:
    pool = rows.pool()
    done = pool.decided
    number, errors = int(done.sum()), int(pool.is_error.sum())
    judged = done & pool.believed
    return Reviewed(
        number,
        errors,
        errors / number if number else None,
        estimates.calibration_error(1 - pool.clean_probability[judged], pool.is_error[judged]),
    )


def _curve(rows: Rows, at_tau: Cut) -> EffortCurve:
    in_order = rows.relabeled[rows.review_order()]
    still = sum(part.value for part in (at_tau.errors, at_tau.left) if part is not None)
    return estimates.effort_curve(
        in_order,
        total_errors=float(in_order.sum()) + still,
        num_samples=int(rows.in_pool.sum()),
    )


def _truth(rows: Rows, cuts: Sequence[Cut]) -> tuple[TruthCheck, ...]:
    pool, known = rows.pool(), rows.true[rows.in_pool] >= 0
    if not len(pool) or not known.all():
        return ()
    wrong = (rows.given != rows.true)[rows.in_pool] & pool.open
    checks = []
    for cut in cuts:
        if cut.errors is None:
            return ()
        actual = int(wrong[pool.clean_probability <= cut.tau].sum())
        gap = abs(cut.errors.value - actual) / cut.to_review if cut.to_review else None
        checks.append(TruthCheck(cut.tau, cut.to_review, cut.errors.value, actual, gap))
    return tuple(checks)
