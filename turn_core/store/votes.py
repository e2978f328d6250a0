"""Queries on votes: append and read, never change; and what follows from them, which is rewritten.

A sample's present ballot is named by the number of its last event that stands: once reviewers
agree, that event is another one, and further votes belong to a new ballot.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from turn_core.store import tables
from turn_core.store.review_tables import StandingVote, Vote, VoteConflict
from turn_core.types import Action, ReviewSettings
from turn_core.types.voting import Vote as VoteRecord

_E, _S = tables.LabelEvent, tables.Sample
_ROW = (
    *(Vote.id, Vote.sample_id, Vote.ballot, Vote.version, Vote.action, Vote.class_id, Vote.undoes),
    *(Vote.actor, Vote.run_id, Vote.seconds_spent, Vote.bulk, Vote.queue, Vote.idem_key),
    *(Vote.payload_sha256, Vote.batch_key),
)


class Row(NamedTuple):
    """A vote as the rules see it."""

    id: int
    sample_id: int
    ballot: int
    version: int
    action: str
    class_id: int | None
    undoes: int | None
    actor: str
    run_id: int | None
    seconds_spent: float | None
    bulk: bool
    queue: str
    idem_key: str
    payload_sha256: str
    batch_key: str | None


def standing(rows: Sequence[Row]) -> dict[str, Row]:
    """Return by reviewer the last vote that is not taken back, skips included; rows in order."""
    undone = {row.undoes for row in rows}
    votes = [row for row in rows if row.action != Action.UNDO and row.id not in undone]
    return {row.actor: row for row in votes}


def any_votes(session: Session, project_id: int) -> bool:
    """Say whether anybody ever voted in the project."""
    return bool(session.execute(select(exists().where(Vote.project_id == project_id))).scalar())


def has_skipped(session: Session, project_id: int, reviewer: str) -> bool:
    """Say whether the reviewer passed over any sample that others may yet vote on."""
    mine = (StandingVote.reviewer == reviewer, StandingVote.abstains)
    query = select(exists().where(StandingVote.project_id == project_id, *mine))
    return bool(session.execute(query).scalar())


def has_standing(session: Session, project_id: int, reviewer: str) -> bool:
    """Say whether a vote of the reviewer counts in the present ballot of any sample."""
    mine = exists().where(*_counting(project_id), StandingVote.reviewer == reviewer)
    return bool(session.execute(select(mine)).scalar())


def by_keys(session: Session, keys: Iterable[str]) -> dict[str, Row]:
    """Return the votes of these idempotency keys, by key."""
    rows = session.execute(select(*_ROW).where(Vote.idem_key.in_(list(keys))))
    return {row.idem_key: Row._make(row) for row in rows}


def of_samples(session: Session, sample_ids: Iterable[int]) -> list[Row]:
    """Return all votes on these samples, in order."""
    query = select(*_ROW).where(Vote.sample_id.in_(list(sample_ids)))
    return [Row._make(row) for row in session.execute(query.order_by(Vote.id))]


def of_batch(session: Session, project_id: int, batch_key: str) -> list[Row]:
    """Return the votes of a batch, in order."""
    query = select(*_ROW).where(Vote.project_id == project_id, Vote.batch_key == batch_key)
    return [Row._make(row) for row in session.execute(query.order_by(Vote.id))]


def by_ids(session: Session, vote_ids: Iterable[int]) -> list[Row]:
    """Return these votes in their order."""
    query = select(*_ROW).where(Vote.id.in_(list(vote_ids))).order_by(Vote.id)
    return [Row._make(row) for row in session.execute(query)]


def last_ids(session: Session, sample_ids: Iterable[int], actor: str) -> dict[int, int]:
    """Return the id of the last line that the actor added to the votes on each sample."""
    query = select(Vote.sample_id, func.max(Vote.id)).where(Vote.actor == actor)
    rows = session.execute(
        query.where(Vote.sample_id.in_(list(sample_ids))).group_by(Vote.sample_id)
    )
    return {row[0]: row[1] for row in rows}


def standing_ids(session: Session, sample_ids: Iterable[int]) -> set[int]:
    """Return the ids of the votes on these samples that stand, each in its own ballot."""
    ballots: dict[tuple[int, int], list[Row]] = {}
    for row in of_samples(session, sample_ids):
        ballots.setdefault((row.sample_id, row.ballot), []).append(row)
    return {row.id for rows in ballots.values() for row in standing(rows).values()}


def append(session: Session, values: dict[str, Any]) -> Row:
    """Append a vote and return it."""
    found = session.execute(insert(Vote).values({"undoes": None, **values}).returning(Vote.id))
    return Row._make([found.scalar_one(), *(values.get(name) for name in Row._fields[1:])])


def set_standing(session: Session, project_id: int, sample_id: int, votes: Iterable[Row]) -> None:
    """Write down whose votes stand in the present ballot of a sample."""
    session.execute(delete(StandingVote).where(StandingVote.sample_id == sample_id))
    fixed = {"project_id": project_id, "sample_id": sample_id}
    rows = [
        {**fixed, "reviewer": v.actor, "abstains": v.action == Action.SKIP, "queue": v.queue}
        for v in votes
    ]
    if rows:
        session.execute(insert(StandingVote), rows)


def set_conflict(session: Session, project_id: int, sample_id: int, *, disputed: bool) -> None:
    """Write down whether reviewers disagree on a sample."""
    if disputed:
        session.execute(insert(VoteConflict), [{"project_id": project_id, "sample_id": sample_id}])
    else:
        session.execute(delete(VoteConflict).where(VoteConflict.sample_id == sample_id))


def voted_on(session: Session, project_id: int) -> list[int]:
    """Return the samples with a vote that counts in their present ballot."""
    query = select(StandingVote.sample_id).distinct()
    return list(session.execute(query.where(*_counting(project_id))).scalars())


def conflict_ids(
    session: Session,
    project_id: int,
    among: Collection[int] | None = None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[int]:
    """Return the samples on which reviewers disagree, by id, after the sample `after`."""
    column = VoteConflict.sample_id
    query = select(column).where(VoteConflict.project_id == project_id, column > after)
    if among is not None:
        query = query.where(column.in_(among))
    return list(session.execute(query.order_by(column).limit(limit)).scalars())


def count_conflicts(session: Session, project_id: int) -> int:
    """Return on how many samples reviewers disagree."""
    query = select(func.count()).where(VoteConflict.project_id == project_id)
    return int(session.execute(query).scalar_one())


# --- conditions on samples, for the queues -------------------------------------------------------


def is_disputed(project_id: int) -> ColumnElement[bool]:
    """Return the condition that reviewers disagree on the sample."""
    return _S.id.in_(select(VoteConflict.sample_id).where(VoteConflict.project_id == project_id))


def is_voted_by(project_id: int, reviewer: str) -> ColumnElement[bool]:
    """Return the condition that the reviewer's vote counts in the present ballot."""
    mine = select(StandingVote.sample_id).where(StandingVote.reviewer == reviewer)
    return _S.id.in_(mine.where(*_counting(project_id)))


def is_skipped_by(project_id: int, reviewer: str) -> ColumnElement[bool]:
    """Return the condition that the reviewer passed over the sample in the present ballot."""
    mine = select(StandingVote.sample_id).where(StandingVote.reviewer == reviewer)
    return _S.id.in_(mine.where(StandingVote.project_id == project_id, StandingVote.abstains))


def skipped_by(session: Session, sample_ids: Sequence[int], reviewer: str) -> set[int]:
    """Return those of the samples that the reviewer passed over in the present ballot."""
    mine = (StandingVote.reviewer == reviewer, StandingVote.abstains)
    query = select(StandingVote.sample_id).where(*mine, StandingVote.sample_id.in_(sample_ids))
    return set(session.execute(query).scalars())


def num_others(reviewer: str) -> Any:
    """Return the number of others whose votes count in the sample's present ballot, as SQL."""
    return _of_others(func.count(), reviewer)


def asked_by_others(settings: ReviewSettings, reviewer: str) -> Any:
    """Return how many must vote by the votes of others on the sample, 0 without any, as SQL."""
    most = func.max(asked_in(settings, StandingVote.queue))
    return func.coalesce(_of_others(most, reviewer), 0)


def asked_in(settings: ReviewSettings, queue: Any) -> Any:
    """Return how many must vote in the queue that a column names, as SQL: one of `overlap_of`."""
    known = {kind.value: overlap for kind, overlap in settings.queue_overlaps.items()}
    return case(known, value=queue, else_=settings.overlap) if known else settings.overlap


def _of_others(found: Any, reviewer: str) -> Any:
    others = (StandingVote.sample_id == _S.id, StandingVote.reviewer != reviewer)
    return select(found).where(*others, ~StandingVote.abstains).correlate(_S).scalar_subquery()


def _counting(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return (StandingVote.project_id == project_id, ~StandingVote.abstains)


# --- votes as people read them -------------------------------------------------------------------


def select_votes(project_id: int) -> Select[*tuple[Any, ...]]:
    """Return a query of a project's votes whose rows `record` reads."""
    undo, later = aliased(Vote), aliased(Vote)
    undo_later = aliased(Vote)
    stands = (Vote.action != Action.UNDO) & ~exists().where(undo.undoes == Vote.id)
    replaced = exists().where(
        later.sample_id == Vote.sample_id,
        later.ballot == Vote.ballot,
        later.actor == Vote.actor,
        later.id > Vote.id,
        later.action != Action.UNDO,
        ~exists().where(undo_later.undoes == later.id),
    )
    columns = (
        *(Vote.id, Vote.sample_id, _S.file_name, Vote.ballot, Vote.action, Vote.class_id),
        *(Vote.actor, Vote.at, Vote.seconds_spent, Vote.run_id, Vote.bulk, Vote.queue),
        *(Vote.batch_key, Vote.undoes),
        case((stands & ~replaced, True), else_=False).label("counts"),
        case((_is_open(), True), else_=False).label("is_open"),
    )
    query = select(*columns).select_from(Vote).join(_S, _S.id == Vote.sample_id)
    return query.where(Vote.project_id == project_id)


def record(row: Any) -> VoteRecord:
    """Return the vote of a row of `select_votes`."""
    names = VoteRecord.__dataclass_fields__
    values = dict(zip(names, row))
    return VoteRecord(**values | {"action": Action(values["action"]), "at": values["at"] / 1000})


def visible_to(reader: str) -> ColumnElement[bool]:
    """Return the condition of a vote that may be seen in blind mode: one's own, or all are in."""
    return or_(Vote.actor == reader, closed())


def closed() -> ColumnElement[bool]:
    """Return the condition that all votes are in, in the ballot of the vote."""
    return ~_is_open()


def votes(
    session: Session,
    project_id: int,
    more: Sequence[ColumnElement[bool]] = (),
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[VoteRecord]:
    """Return votes of a project that meet conditions, in order, after the vote `after`."""
    query = select_votes(project_id).where(Vote.id > after, *more)
    return [record(row) for row in session.execute(query.order_by(Vote.id).limit(limit))]


def _is_open() -> ColumnElement[bool]:
    """Return the condition that others have yet to vote in the ballot of the vote."""
    event, undo = aliased(_E), aliased(_E)
    present = (
        select(func.coalesce(func.max(event.seq), 0))
        .where(event.sample_id == Vote.sample_id, event.action != Action.UNDO)
        .where(~exists().where(undo.undoes == event.id))
        .correlate(Vote)
        .scalar_subquery()
    )
    disputed = exists().where(
        VoteConflict.project_id == Vote.project_id, VoteConflict.sample_id == Vote.sample_id
    )
    return (Vote.ballot == present) & ~disputed
