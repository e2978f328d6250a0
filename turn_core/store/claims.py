"""Queries on claims: which cards reviewers have before them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from turn_core.store import tables, votes
from turn_core.store.review_tables import Claim
from turn_core.types.reviewing import Claimant


def free_for(claimant: Claimant, now: int, *, overlap: int = 1) -> ColumnElement[bool]:
    """Return the condition that the claimant may have the sample before them.

    Nobody else has it; or, with an overlap of more than one, the claimant has not voted on it, has
    it in no other browser, and fewer others than that have it or have voted on it.
    """
    alive = (Claim.sample_id == tables.Sample.id, Claim.lease_until > now)
    if overlap == 1:
        others = (Claim.reviewer != claimant.reviewer) | (Claim.holder != claimant.browser)
        return ~exists().where(*alive, others)
    elsewhere = (Claim.reviewer == claimant.reviewer, Claim.holder != claimant.browser)
    claims = select(func.count()).where(*alive, Claim.reviewer != claimant.reviewer)
    num_claims = claims.correlate(tables.Sample).scalar_subquery()
    return and_(
        ~exists().where(*alive, *elsewhere),
        num_claims + votes.num_others(claimant.reviewer) < overlap,
    )


def unclaimed(now: int, by: Claimant | None = None) -> ColumnElement[bool]:
    """Return the condition that nobody, or not `by`, has the sample before them."""
    alive = exists().where(Claim.sample_id == tables.Sample.id, Claim.lease_until > now)
    return ~(alive if by is None else alive.where(Claim.reviewer == by.reviewer))


def take(
    session: Session,
    project_id: int,
    claimant: Claimant,
    sample_ids: Sequence[int],
    *,
    queue_key: str,
    lease_until: int,
) -> None:
    """Claim samples, or claim them for longer."""
    if not sample_ids:
        return
    session.execute(
        delete(Claim).where(*_of(project_id, claimant), Claim.sample_id.in_(sample_ids))
    )
    fixed: dict[str, Any] = {"reviewer": claimant.reviewer, "holder": claimant.browser}
    fixed |= {"project_id": project_id, "queue_key": queue_key, "lease_until": lease_until}
    session.execute(insert(Claim), [{"sample_id": sample_id, **fixed} for sample_id in sample_ids])


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
