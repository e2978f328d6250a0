"""The random audit: samples drawn uniformly from all, mixed into the worst-first queue.

What the score chose is no measure of how many labels are wrong; these samples are. The draw is an
order of all usable samples; a prefix of it whose samples are all decided is a uniform sample,
whichever queue they were decided in.
"""

import hashlib

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import Session

from turn_core.errors import ConflictError
from turn_core.services import permissions, voting
from turn_core.services.workspace import Workspace
from turn_core.store import audits as queries
from turn_core.store import claims as claim_queries
from turn_core.store import projects as project_queries
from turn_core.store import queues as queue_queries
from turn_core.store import votes as vote_queries
from turn_core.store.queues import Asked
from turn_core.types import QueueFilter, QueueKind
from turn_core.types.review_settings import ReviewSettings
from turn_core.types.reviewing import Claimant, Role

AUDIT = QueueFilter(kind=QueueKind.AUDIT)
DRAWN_AT_ONCE = 200
Cards = list[tuple[int, QueueKind]]


def get_settings(workspace: Workspace, project_id: int) -> ReviewSettings:
    """Return how a project is reviewed.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        return queries.settings(session, project_id)


def set_settings(
    workspace: Workspace, project_id: int, settings: ReviewSettings, *, actor: str
) -> None:
    """Change how a project is reviewed.

    Votes that are there are counted by the new numbers: samples that have enough of them now are
    decided, or in conflict, at once. What was decided stays decided, and conflicts stay. Another
    `blind` holds for votes from now on.

    Raises:
        PermissionDeniedError: the actor is no owner.
        NotFoundError: there is no such project.
        ConflictError: the seed of the audit would change after samples were drawn.
    """

    def work(session: Session) -> None:
        permissions.require(session, actor, Role.OWNER, project_id)
        project_queries.lock_project(session, project_id)
        before = queries.settings(session, project_id)
        if before.audit_seed != settings.audit_seed and queries.num_drawn(session, project_id):
            raise ConflictError(
                f"the audit was drawn with seed {before.audit_seed}: its seed can no longer change"
            )
        queries.save_settings(session, project_id, settings)
        numbers = (before.overlap, before.queue_overlaps)
        if (settings.overlap, settings.queue_overlaps) != numbers:
            voting.recount(session, project_id, actor=actor)

    workspace.write(work)


def drawn(workspace: Workspace, project_id: int) -> list[int]:
    """Return the ids of the samples drawn so far, in the order of the draw."""
    with workspace.reading() as session:
        return queries.order(session, project_id)


def page(
    session: Session, asked: Asked, claimant: Claimant, *, after: int | None, limit: int, now: int
) -> Cards:
    """Return the next free samples of a queue, each with the queue that it stands for.

    The worst-first queue, not narrowed down, gets samples of the audit mixed in, each before a
    sample that a hash selects, so never at the end, where the next page goes on; a page of one has
    no room for both. The hash changes with the next sample of the audit: once that is decided,
    a page asked for anew does not lead to yet another before the same sample.
    """
    settings = queries.settings(session, asked.project_id)
    kind = asked.queue.kind
    free = _free(settings, kind, claimant, now)
    has_skipped = vote_queries.has_skipped(session, asked.project_id, asked.reader)
    skipped = vote_queries.is_skipped_by(asked.project_id, asked.reader)
    fresh = ~skipped if has_skipped else true()
    if kind is QueueKind.AUDIT:
        cards = _audit(session, asked, free & fresh, after=after, limit=limit)
    else:
        rows = queue_queries.page(session, asked, after=after, limit=limit, more=(free, fresh))
        cards = [(int(row[0]), kind) for row in rows]
    at_end = len(cards) < limit
    if asked.queue == QueueFilter() and settings.audit_share:
        fresh &= _free(settings, QueueKind.AUDIT, claimant, now)
        if after is not None:  # those that the claimant has are in an earlier page
            fresh &= claim_queries.unclaimed_by(claimant, now)
        cards = _with_audits(session, asked, cards, fresh, limit=limit, share=settings.audit_share)
    if has_skipped and at_end:  # what the claimant passed over comes last
        left = limit - len(cards)
        rows = queue_queries.page(session, asked, after=None, limit=left, more=(free, skipped))
        cards += [(int(row[0]), kind) for row in rows]
    return cards


def _free(
    settings: ReviewSettings, kind: QueueKind, claimant: Claimant, now: int
) -> ColumnElement[bool]:
    """Return the condition that the claimant may have a sample of the queue before them."""
    if kind is QueueKind.DISAGREEMENT:  # one person settles it, whoever has voted
        return claim_queries.alone(claimant, now)
    return claim_queries.has_room(claimant, now, settings, kind)


def _with_audits(
    session: Session,
    asked: Asked,
    cards: Cards,
    free: ColumnElement[bool],
    *,
    limit: int,
    share: float,
) -> Cards:
    """Mix samples of the audit in, so that they make up the share of all."""
    here = {sample_id for sample_id, _ in cards}
    audit = asked._replace(queue=AUDIT)
    found = _audit(session, audit, free, after=None, limit=2 * len(cards))
    audits = [card for card in found if card[0] not in here]
    salt = audits[0][0] if audits else 0
    before = [card[0] for card in cards if _chance(card[0], salt) < share / (1 - share)]
    return _mixed(cards, dict(zip(before, audits)), limit)


def _mixed(cards: Cards, before: dict[int, tuple[int, QueueKind]], limit: int) -> Cards:
    mixed: Cards = []
    for card in cards:
        both = [before[card[0]], card] if card[0] in before else [card]
        if len(mixed) + len(both) > limit:
            return mixed or [card]
        mixed += both
    return mixed


def _audit(
    session: Session, asked: Asked, free: ColumnElement[bool], *, after: int | None, limit: int
) -> Cards:
    """Return the next free samples of the draw; draws more where too few are left."""
    while True:
        rows = queue_queries.page(session, asked, after=after, limit=limit, more=(free,))
        if len(rows) == limit or not _draw_more(session, asked.project_id, limit):
            return [(int(row[0]), QueueKind.AUDIT) for row in rows]


def _draw_more(session: Session, project_id: int, limit: int) -> int:
    seed = queries.settings(session, project_id).audit_seed
    return queries.draw(session, project_id, seed=seed, number=max(limit, DRAWN_AT_ONCE))


def _chance(sample_id: int, salt: int) -> float:
    """Return a number in 0..1 that is fixed for both and uniformly random over samples."""
    digest = hashlib.sha256(f"mix {salt} {sample_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
