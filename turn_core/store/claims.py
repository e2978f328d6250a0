"""Queries on claims: which cards reviewers have before them."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from turn_core.store import tables, votes
from turn_core.store.review_tables import Claim, StandingVote
from turn_core.types import QueueKind, ReviewSettings
from turn_core.types.review_settings import MAX_OVERLAP
from turn_core.types.reviewing import Claimant


def alone(claimant: Claimant, now: int) -> ColumnElement[bool]:
    """Return the condition that nobody but the claimant, in this browser, has the sample."""
    others = (Claim.reviewer != claimant.reviewer) | (Claim.holder != claimant.browser)
    return ~exists().where(*_alive(now), others)


def has_room(
    claimant: Claimant, now: int, settings: ReviewSettings, queue: QueueKind
) -> ColumnElement[bool]:
    """Return the condition that the claimant may have the sample before them, in this queue.

    They have it in no other browser, and fewer others have it or voted on it than are to vote on
    it: so many as the votes ask for that are there; if more, so many as all ask for in whose queues
    it is open, for the first of them to decide may be the one whose queue asks for the fewest.
    """
    me = claimant.reviewer
    elsewhere = (Claim.reviewer == me, Claim.holder != claimant.browser)
    taken = _of_others(func.count(), me, now) + votes.num_others(me)
    fewest = func.min(votes.asked_in(settings, Claim.queue))
    by_claims = func.coalesce(_of_others(fewest, me, now), MAX_OVERLAP)
    room = and_(
        ~exists().where(*_alive(now), *elsewhere),
        or_(
            and_(taken < settings.overlap_of([queue]), taken < by_claims),
            taken < votes.asked_by_others(settings, me),
        ),
    )
    # Nearly all samples are with nobody, and are told by one list in place of a count for each.
    return or_(tables.Sample.id.not_in(_with_anybody()), room)


def _with_anybody() -> Any:
    return union_all(select(Claim.sample_id), select(StandingVote.sample_id))


def _of_others(found: Any, reviewer: str, now: int) -> Any:
    query = select(found).where(*_alive(now), Claim.reviewer != reviewer)
    return query.correlate(tables.Sample).scalar_subquery()


def _alive(now: int) -> tuple[ColumnElement[bool], ...]:
    return Claim.sample_id == tables.Sample.id, Claim.lease_until > now


def unclaimed_by(claimant: Claimant, now: int) -> ColumnElement[bool]:
    """Return the condition that the claimant does not have the sample before them."""
    return ~exists().where(*_alive(now), Claim.reviewer == claimant.reviewer)


def take(
    session: Session,
    project_id: int,
    claimant: Claimant,
    cards: Mapping[int, str],
    *,
    queue_key: str,
    lease_until: int,
) -> None:
    """Claim samples, each for the queue that it stands for, or claim them for longer."""
    if not cards:
        return
    session.execute(delete(Claim).where(*_of(project_id, claimant), Claim.sample_id.in_(cards)))
    fixed: dict[str, Any] = {"reviewer": claimant.reviewer, "holder": claimant.browser}
    fixed |= {"project_id": project_id, "queue_key": queue_key, "lease_until": lease_until}
    rows = [{"sample_id": sample_id, "queue": kind, **fixed} for sample_id, kind in cards.items()]
    session.execute(insert(Claim), rows)


def queue_key_of(session: Session, project_id: int, claimant: Claimant) -> str:
    """Return from which queue the claimant has cards; empty where they have none."""
    query = select(Claim.queue_key).where(*_of(project_id, claimant)).limit(1)
    return session.execute(query).scalar() or ""


def held(session: Session, project_id: int, claimant: Claimant) -> list[int]:
    """Return when the leases of the claimant end."""
    query = select(Claim.lease_until).where(*_of(project_id, claimant))
    return list(session.execute(query).scalars())


def renew(
    session: Session, project_id: int, claimant: Claimant, *, now: int, lease_until: int
) -> int:
    """Prolong what the claimant has and has not lost; return how many samples that are."""
    alive = (*_of(project_id, claimant), Claim.lease_until > now)
    session.execute(update(Claim).where(*alive).values(lease_until=lease_until))
    return session.execute(select(func.count()).select_from(Claim).where(*alive)).scalar_one()


def release(session: Session, project_id: int, claimant: Claimant) -> None:
    """Give back all that the claimant has."""
    session.execute(delete(Claim).where(*_of(project_id, claimant)))


def release_others(session: Session, project_id: int, claimant: Claimant, queue_key: str) -> None:
    """Give back what the claimant has of other queues, and had in this browser as somebody else."""
    session.execute(delete(Claim).where(*_of(project_id, claimant), Claim.queue_key != queue_key))
    if claimant.browser:
        renamed = (Claim.holder == claimant.browser, Claim.reviewer != claimant.reviewer)
        session.execute(delete(Claim).where(Claim.project_id == project_id, *renamed))


def release_samples(
    session: Session, sample_ids: Iterable[int], *, reviewer: str | None = None
) -> None:
    """Give back samples that the reviewer has; None: whoever has them."""
    which: list[ColumnElement[bool]] = [Claim.sample_id.in_(list(sample_ids))]
    if reviewer is not None:
        which.append(Claim.reviewer == reviewer)
    session.execute(delete(Claim).where(*which))


def drop_expired(session: Session, project_id: int, now: int) -> None:
    """Forget the claims whose lease has ended."""
    session.execute(delete(Claim).where(Claim.project_id == project_id, Claim.lease_until <= now))


def _of(project_id: int, claimant: Claimant) -> tuple[ColumnElement[bool], ...]:
    return (
        Claim.project_id == project_id,
        Claim.reviewer == claimant.reviewer,
        Claim.holder == claimant.browser,
    )
