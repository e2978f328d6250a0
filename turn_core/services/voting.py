"""The rules of votes, within the transaction of a decision. See docs/agreement.md.

So many must vote on a sample, k, as the strictest of the queues asks for in which its votes were
cast, and in which it is decided on now (`ReviewSettings.overlap_of`). With k > 1 a decision is a
vote. Once k reviewers have voted on a sample, it is decided by an event of its own if they agree,
and in conflict if they do not; a conflict ends when votes change or an owner settles it. A skip is
kept among the votes and counts for nothing. On a sample that is decided already, a vote for
something else contests it: that, too, is a conflict.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services import permissions
from turn_core.store import audits as audit_queries
from turn_core.store import engine as engines
from turn_core.store import events as event_queries
from turn_core.store import projects as project_queries
from turn_core.store import samples as sample_queries
from turn_core.store import votes as queries
from turn_core.store.tables import LabelEvent
from turn_core.store.votes import Row
from turn_core.types import (
    Action,
    DecisionRequest,
    QueueKind,
    ReviewSettings,
    ReviewStatus,
    Sample,
)
from turn_core.types.reviewing import Role, VoteOutcome

STATUS_AFTER = {
    Action.KEEP: ReviewStatus.KEPT,
    Action.RELABEL: ReviewStatus.RELABELED,
    Action.EXCLUDE: ReviewStatus.EXCLUDED,
    Action.NEEDS_REVIEW: ReviewStatus.NEEDS_REVIEW,
    Action.SKIP: ReviewStatus.SKIPPED,
}
"""The review status that each decision leads to; undo restores the one before."""

ADJUDICATION = "adjudication"
"""The queue under which the ledger keeps how a conflict was settled."""
ADJUDICATING = (ADJUDICATION, QueueKind.DISAGREEMENT.value)
"""A decision that was made in one of these queues settles a conflict."""

_LABELS = (Action.KEEP, Action.RELABEL)
_DECIDED = {
    ReviewStatus.KEPT: Action.KEEP,
    ReviewStatus.RELABELED: Action.RELABEL,
    ReviewStatus.EXCLUDED: Action.EXCLUDE,
}
_FINAL = "all votes on it are in, and in blind mode they are final: an owner can settle it anew"


def adjudicates(request: DecisionRequest) -> bool:
    """Say whether a decision settles a conflict."""
    return request.queue in ADJUDICATING and request.action is not Action.UNDO


def agreed_by(names: Sequence[str]) -> str:
    """Return who decided what several reviewers agreed on, as the ledger names them."""
    return f"agreement of {', '.join(names)}"


def recount(session: Session, project_id: int, *, actor: str) -> None:
    """Count the votes on open cards again, after other numbers of reviewers are asked for."""
    ids = queries.voted_on(session, project_id)
    samples = sample_queries.by_ids(session, project_id, ids)
    voting, now = Voting(session, project_id, ids, actor=actor), engines.now_ms(session)
    for sample_id in sorted(samples.keys() - queries.conflict_ids(session, project_id)):
        voting.tally(samples[sample_id], now)
    if voting.agreements:
        project_queries.raise_label_rev(session, project_id, voting.agreements)


class Voting:
    """The ballots of some samples of a project, while decisions on them are made in order."""

    def __init__(
        self, session: Session, project_id: int, sample_ids: Collection[int], *, actor: str
    ) -> None:
        self.session = session
        self.project_id = project_id
        self.actor = actor
        self.settings: ReviewSettings = audit_queries.settings(session, project_id)
        self.active = self.settings.most > 1 or queries.any_votes(session, project_id)
        self.agreements = 0
        """How many samples were decided by agreement so far."""
        self._ballots: dict[int, list[Row]] = {}
        self._bases: dict[int, int] = {}
        self._disputed: set[int] = set()
        if self.active:
            self._bases = event_queries.standing_seqs(session, sample_ids)
            self._disputed = set(queries.conflict_ids(session, project_id, sample_ids))
            for row in queries.of_samples(session, sample_ids):
                if row.ballot == self._bases.get(row.sample_id, 0):
                    self._ballots.setdefault(row.sample_id, []).append(row)

    # --- who may ---------------------------------------------------------------------------------

    def refusal(self, request: DecisionRequest) -> str:
        """Say why the actor may not decide this now; empty where they may."""
        if not self.active:
            return ""
        disputed, mine = request.sample_id in self._disputed, self.mine(request.sample_id)
        if adjudicates(request):
            return _why_no_adjudication(request, disputed=disputed)
        voted = mine is not None and mine.action != Action.SKIP
        if disputed and not (voted and self.takes(request)):
            return "reviewers disagree on it: an owner settles it"
        if disputed and self.settings.blind:
            return _FINAL
        if request.action is Action.UNDO and mine is None:
            return self._why_not_undone(request.sample_id)
        return ""

    def takes(self, request: DecisionRequest) -> bool:
        """Say whether a decision is a vote, or takes one back."""
        if not self.active or adjudicates(request):
            return False
        if request.action is Action.UNDO:
            return self.mine(request.sample_id) is not None
        others = [v.queue for v in self._counting(request.sample_id) if v.actor != self.actor]
        return self.settings.overlap_of([request.queue, *others]) > 1

    def mine(self, sample_id: int) -> Row | None:
        """Return the actor's standing vote in the present ballot of a sample."""
        return queries.standing(self._ballots.get(sample_id, [])).get(self.actor)

    def _why_not_undone(self, sample_id: int) -> str:
        last = event_queries.last_standing(self.session, sample_id)
        if last is None or (last.vote_id is None and last.queue != ADJUDICATION):
            return ""
        if self.actor in (agreed := self._agreed(last)):
            return _FINAL if self.settings.blind and self._needed(agreed.values()) > 1 else ""
        if permissions.may(self.session, self.actor, Role.OWNER, self.project_id):
            return ""
        who = "one of those who agreed on it, or an owner," if agreed else "an owner"
        return f"only {who} can take that back"

    def _agreed(self, last: LabelEvent | None) -> dict[str, Row]:
        """Return the votes behind the last event of a sample, where it is an agreement."""
        if last is None or last.vote_id is None:
            return {}
        rows = queries.of_samples(self.session, [last.sample_id])
        ballot = next(row.ballot for row in rows if row.id == last.vote_id)
        return queries.standing([row for row in rows if row.ballot == ballot])

    # --- votes -----------------------------------------------------------------------------------

    def cast(self, seen: Sample, fixed: dict[str, Any], change: Mapping[str, Any]) -> Row:
        """Append the actor's vote; `change` says what they decided. Return the vote."""
        class_id = change["class_id"] if change["action"] in _LABELS else None
        return self._append(seen, fixed, action=change["action"].value, class_id=class_id)

    def take_back(self, seen: Sample, fixed: dict[str, Any]) -> Row:
        """Take the actor's standing vote back: the one before stands again. Return the undo."""
        mine = self.mine(seen.sample_id)
        undoes = None if mine is None else mine.id
        return self._append(seen, fixed, action=Action.UNDO.value, class_id=None, undoes=undoes)

    def leave_agreement(self, seen: Sample, fixed: dict[str, Any]) -> None:
        """Take the actor's vote for an agreement back, where the actor undoes one of theirs."""
        if not self.active:
            return
        last = event_queries.last_standing(self.session, seen.sample_id)
        if (mine := self._agreed(last).get(self.actor)) is not None:
            values = {"action": Action.UNDO.value, "class_id": None, "undoes": mine.id}
            values |= {"sample_id": seen.sample_id, "ballot": mine.ballot, "version": seen.version}
            queries.append(self.session, {**fixed, **values})

    def _append(self, seen: Sample, fixed: dict[str, Any], **values: Any) -> Row:
        base = self._bases.get(seen.sample_id, 0)
        values |= {"sample_id": seen.sample_id, "ballot": base, "version": seen.version}
        row = queries.append(self.session, {**fixed, **values})
        rows = self._ballots.setdefault(seen.sample_id, [])
        rows.append(row)
        votes = queries.standing(rows).values()
        queries.set_standing(self.session, self.project_id, seen.sample_id, votes)
        return row

    # --- what follows ----------------------------------------------------------------------------

    def outcome(self, sample_id: int, version: int) -> VoteOutcome:
        """Return how the ballot of a vote stands; `version` is the sample's when it was cast."""
        if sample_id in self._disputed:
            return VoteOutcome.DISPUTED
        waits = self._bases.get(sample_id, 0) <= version
        return VoteOutcome.WAITING if waits else VoteOutcome.AGREED

    def tally(self, seen: Sample, now: int) -> Sample:
        """Count the votes on a sample and draw the conclusion; return the sample as it is then."""
        votes = self._counting(seen.sample_id)
        choices = {(vote.action, vote.class_id) for vote in votes}
        if seen.status in _DECIDED:
            self._dispute(seen.sample_id, disputed=not choices <= {_present(seen)})
        elif len(votes) < self._needed(votes):
            self._dispute(seen.sample_id, disputed=False)
        elif len(choices) > 1:
            self._dispute(seen.sample_id, disputed=True)
        else:
            return self._settle(seen, votes, now)
        return seen

    def moved(self, seen: Sample, *, undone: bool) -> None:
        """Open the ballot that belongs to the sample after an event was appended to it.

        An undo brings the votes of the ballot before back. If they were complete, reviewers and
        whoever took it back disagree.
        """
        if not self.active:
            return
        sample_id = seen.sample_id
        bases = event_queries.standing_seqs(self.session, [sample_id])
        self._bases[sample_id] = bases.get(sample_id, 0)
        rows = queries.of_samples(self.session, [sample_id]) if undone else []
        self._ballots[sample_id] = [r for r in rows if r.ballot == self._bases[sample_id]]
        votes = queries.standing(self._ballots[sample_id]).values()
        queries.set_standing(self.session, self.project_id, sample_id, votes)
        counting = self._counting(sample_id)
        self._dispute(sample_id, disputed=len(counting) >= self._needed(counting))

    def _needed(self, votes: Iterable[Row]) -> int:
        """Return how many must vote on a sample that has these votes."""
        return self.settings.overlap_of(vote.queue for vote in votes)

    def _counting(self, sample_id: int) -> list[Row]:
        votes = queries.standing(self._ballots.get(sample_id, [])).values()
        counting = [vote for vote in votes if vote.action != Action.SKIP]
        return sorted(counting, key=lambda vote: vote.id)

    def _dispute(self, sample_id: int, *, disputed: bool) -> None:
        if disputed != (sample_id in self._disputed):
            queries.set_conflict(self.session, self.project_id, sample_id, disputed=disputed)
        (self._disputed.add if disputed else self._disputed.discard)(sample_id)

    def _settle(self, seen: Sample, votes: Sequence[Row], now: int) -> Sample:
        last, action = votes[-1], Action(votes[-1].action)
        class_id = last.class_id if action in _LABELS else seen.current_class_id
        status = STATUS_AFTER[action]
        values = _agreement(self.project_id, seen, votes)
        values |= {"action": action, "class_id": class_id, "status": status, "at": now}
        if not event_queries.append(self.session, seen, values):
            raise ConflictError(f"{seen.file_name!r} was changed a moment ago: try again")
        after = dataclasses.replace(
            seen, version=seen.version + 1, status=status, current_class_id=class_id
        )
        self.agreements += 1
        self.moved(after, undone=False)
        return after


def _why_no_adjudication(request: DecisionRequest, *, disputed: bool) -> str:
    if not disputed:
        return "reviewers no longer disagree on it: reload the page"
    if request.action is Action.SKIP:
        return "a conflict cannot be skipped: go on without deciding"
    return ""


def _present(seen: Sample) -> tuple[str, int | None]:
    action = _DECIDED[seen.status]
    return action.value, seen.current_class_id if action in _LABELS else None


def _agreement(project_id: int, seen: Sample, votes: Sequence[Row]) -> dict[str, Any]:
    """Return the event that the votes make together, but for what it decides."""
    last = votes[-1]
    timed = [vote.seconds_spent for vote in votes if vote.seconds_spent is not None]
    audit = QueueKind.AUDIT.value
    key = f"agreement at vote {last.id} on version {seen.version}"
    return {
        "project_id": project_id,
        "actor": agreed_by([vote.actor for vote in votes]),
        "run_id": last.run_id,
        # What the decision took of people's time, and whether a random card led to it.
        "seconds_spent": sum(timed) if timed else None,
        "queue": audit if any(vote.queue == audit for vote in votes) else last.queue,
        "bulk": all(vote.bulk for vote in votes),
        "batch_key": None,
        "idem_key": key,
        "payload_sha256": "",
        "vote_id": last.id,
    }
