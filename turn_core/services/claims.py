"""Claims: while a reviewer has a card before them, nobody else gets it.

A claim is a lease of `LEASE_SECONDS`. The page renews it while it is open, a decision ends it, its
undo brings it back, and a browser that died gives its cards back when the lease ends. It is a
courtesy: what is decided without one passes the version gate like any decision, and is never lost.
Where k reviewers vote on a card, so many have it at most, and nobody gets it who has voted on it.
"""

import hashlib
from collections.abc import Mapping
from itertools import islice

from sqlalchemy.orm import Session

from turn_core.services import audits, overviews, permissions
from turn_core.services.workspace import Workspace
from turn_core.store import claims as queries
from turn_core.store import engine as engines
from turn_core.store import runs as run_queries
from turn_core.store.queues import Asked
from turn_core.types import QueueFilter, QueueKind
from turn_core.types.reviewing import Claimant, Role

LEASE_SECONDS = 300
"""So long a card stays with a browser that is not heard of. Pages renew about once a minute."""
KEPT_UNDONE = 200
"""So many cards of an undone batch stay with who undid it: more are not before them at once."""


def take(
    workspace: Workspace,
    project_id: int,
    run_id: int,
    queue: QueueFilter,
    claimant: Claimant,
    *,
    after: int | None,
    limit: int,
) -> list[tuple[int, QueueKind]]:
    """Claim the next samples of a queue and return their ids in its order.

    With each comes the queue that it stands for: cards of the random audit are mixed in.

    What the claimant has from another queue is given back. What they have from this one they get
    again, in its place.

    Raises:
        PermissionDeniedError: the claimant may not decide here.
        NotFoundError: the project has no such run.
    """
    queue_key = hashlib.sha256(f"{run_id} {queue!r}".encode()).hexdigest()[:16]

    def work(session: Session) -> list[tuple[int, QueueKind]]:
        settles = queue.kind is QueueKind.DISAGREEMENT
        role = Role.OWNER if settles else Role.REVIEWER
        permissions.require(session, claimant.reviewer, role, project_id)
        tau = overviews.threshold(run_queries.get_run(session, project_id, run_id))
        engines.lock_claims(session, project_id)
        now = engines.now_ms(session)
        queries.drop_expired(session, project_id, now)
        queries.release_others(session, project_id, claimant, queue_key)
        asked = Asked(project_id, run_id, queue, tau, claimant.reviewer)
        cards = audits.page(session, asked, claimant, after=after, limit=limit, now=now)
        taken = {sample_id: kind.value for sample_id, kind in cards}
        lease_until = now + LEASE_SECONDS * 1000
        queries.take(
            session, project_id, claimant, taken, queue_key=queue_key, lease_until=lease_until
        )
        return cards

    return workspace.write(work)


def keep_undone(
    session: Session, project_id: int, claimant: Claimant, cards: Mapping[int, str]
) -> None:
    """Claim cards, each of a queue, on which the claimant just took a decision back.

    They are before them again. The place is theirs: it was that of the decision.
    """
    engines.lock_claims(session, project_id)
    queries.take(
        session,
        project_id,
        claimant,
        dict(islice(cards.items(), KEPT_UNDONE)),
        queue_key=queries.queue_key_of(session, project_id, claimant),
        lease_until=engines.now_ms(session) + LEASE_SECONDS * 1000,
    )


def of_reviewer(workspace: Workspace, project_id: int, claimant: Claimant) -> Claimant | None:
    """Return the claimant where their role lets them decide, else None: they look only."""
    role = permissions.role_of(workspace, claimant.reviewer, project_id)
    return claimant if role is not None and role.includes(Role.REVIEWER) else None


def renew(workspace: Workspace, project_id: int, claimant: Claimant) -> int:
    """Prolong what a reviewer has before them in a browser; return how many cards that are.

    A lease that has ended is not renewed: its card may be with somebody else by now. Nothing is
    written while more than half of the lease is left.
    """
    with workspace.reading() as session:
        soon = engines.now_ms(session) + LEASE_SECONDS * 500
        held = queries.held(session, project_id, claimant)
    if all(lease_until > soon for lease_until in held):
        return len(held)

    def work(session: Session) -> int:
        now = engines.now_ms(session)
        lease_until = now + LEASE_SECONDS * 1000
        return queries.renew(session, project_id, claimant, now=now, lease_until=lease_until)

    return workspace.write(work)


def release(workspace: Workspace, project_id: int, claimant: Claimant) -> None:
    """Give back at once all that a reviewer has before them in a browser."""
    workspace.write(lambda session: queries.release(session, project_id, claimant))
