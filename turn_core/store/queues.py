"""Queries of the review queue: which samples it holds, in which order, and how many are left."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from turn_core.store import engine, tables, tag_tables, votes
from turn_core.store.review_tables import AuditDraw
from turn_core.store.scores import select_scored
from turn_core.types.reviewing import (
    NEAR,
    UNDECIDED,
    Left,
    QueueCounts,
    QueueFilter,
    QueueKind,
    ReviewStatus,
    Selected,
)

_S, _G, _SCORE = tables.Sample, tables.GivenLabel, tables.Score
_TAGGED = tag_tables.SampleTag
_COUNTED_ALONE = (QueueKind.DUPLICATES, QueueKind.AUDIT, QueueKind.DISAGREEMENT)
FEW = 4000
"""Fewer samples of a status, class or tag are sorted; more are walked along by rank."""

Condition = ColumnElement[bool]
Statuses = Sequence[ReviewStatus]


class Asked(NamedTuple):
    """A queue of a run of a project; tau is the threshold of the run.

    What the `reader` has voted on is left out.
    """

    project_id: int
    run_id: int
    queue: QueueFilter
    tau: float
    reader: str = ""

    @property
    def statuses(self) -> tuple[ReviewStatus, ...]:
        """Return the review statuses that the queue holds; a conflict may have any."""
        if self.queue.kind is QueueKind.DISAGREEMENT and self.queue.statuses == UNDECIDED:
            return tuple(ReviewStatus)
        return self.queue.statuses

    def of_kind(self, kind: QueueKind) -> "Asked":
        """Return the queue of this kind, not narrowed down."""
        return self._replace(queue=QueueFilter(kind=kind))


def page(
    session: Session,
    asked: Asked,
    *,
    after: int | None,
    limit: int,
    more: Sequence[Condition] = (),
) -> list[Any]:
    """Return rows of `COLUMNS`, then `SCORE_COLUMNS`: the next of the queue.

    Skipped samples come last, each time from their beginning; `after` is the sample behind which
    the others go on (unknown to the run: from the beginning). `more` are further conditions.
    """
    wanted = asked.statuses
    last = (ReviewStatus.SKIPPED,) if ReviewStatus.SKIPPED in wanted else ()
    first = tuple(status for status in wanted if status not in last) or last
    rows: list[Any] = []
    for statuses in (first, last)[: 1 + (last != first)]:
        few = _few(session, asked, statuses)
        keys = _order(asked.queue, asked.tau, few=few)
        query = select_scored().where(*_holds(session, asked, statuses, few=few), *more)
        if statuses == first and after is not None:
            query = query.where(*_behind(session, asked.run_id, keys, after))
        rows += session.execute(query.order_by(*keys).limit(limit - len(rows))).all()
        if len(rows) == limit:
            break
    return rows


def _holds(session: Session, asked: Asked, statuses: Statuses, *, few: str) -> list[Condition]:
    """Return what must be true of a sample of the queue."""
    project_id, run_id, queue, tau, _ = asked
    found: list[Condition] = [_SCORE.run_id == run_id, *_known(session, asked, statuses, few)]
    low, high = queue.low, queue.high
    if queue.kind is QueueKind.NEAR_TAU and low is None and high is None:
        low, high = tau - NEAR, tau + NEAR
    if low is not None:
        found.append(_SCORE.clean_probability >= low)
    if high is not None:
        found.append(_SCORE.clean_probability <= high)
    if queue.class_id is not None:
        found.append(_S.current_class_id == queue.class_id)
    if queue.given_class_id is not None:
        of = _G.project_id if few == "given" else engine.unindexed(session, _G.project_id)
        found += [of == project_id, _G.class_id == queue.given_class_id]
    if queue.suggested_class_id is not None:
        found.append(_SCORE.suggested_class_id == queue.suggested_class_id)
    if queue.confidence is not None:
        found.append(_SCORE.suggested_probability >= queue.confidence)
    if queue.tag_id is not None:
        tagged = select(_TAGGED.sample_id).where(
            _TAGGED.tag_id == queue.tag_id, _TAGGED.project_id == project_id
        )
        found.append(_S.id.in_(tagged))
    if queue.kind is QueueKind.DISAGREEMENT:
        return [*found, votes.is_disputed(project_id)]
    return [*found, *_awaits(session, asked), *_of_kind(queue.kind, project_id)]


def _awaits(session: Session, asked: Asked) -> list[Condition]:
    """Return the conditions that nobody disagrees on the sample, and the reader has not voted.

    Where there are no such samples there is no condition: each would be tried on every sample.
    """
    project_id, reader, found = asked.project_id, asked.reader, []
    if votes.count_conflicts(session, project_id):
        found.append(~votes.is_disputed(project_id))
    if reader and votes.has_standing(session, project_id, reader):
        found.append(~votes.is_voted_by(project_id, reader))
    return found


def _of_kind(kind: QueueKind, project_id: int) -> list[Condition]:
    if kind is QueueKind.AUDIT:
        drawn = select(AuditDraw.sample_id).where(AuditDraw.project_id == project_id)
        return [_S.id.in_(drawn)]
    if kind is QueueKind.DUPLICATES:
        return [_S.sha256.in_(_conflicting(project_id))]
    return []


def _conflicting(project_id: int) -> Select[Any]:
    """Hashes of images that have two different current labels; excluded samples do not count."""
    return (
        select(_S.sha256)
        .where(_S.project_id == project_id, _S.status != ReviewStatus.EXCLUDED)
        .group_by(_S.sha256)
        .having(func.min(_S.current_class_id) != func.max(_S.current_class_id))
    )


def _known(session: Session, asked: Asked, statuses: Statuses, few: str) -> list[Condition]:
    """Return the conditions of project and review status, with an index only where it helps."""
    by_project = few in ("status", "class", "sha256")
    project_id = _S.project_id if by_project else engine.unindexed(session, _S.project_id)
    status = _S.status if few == "status" else engine.unindexed(session, _S.status)
    return [project_id == asked.project_id, status.in_(statuses)]


def _order(queue: QueueFilter, tau: float, *, few: str) -> list[ColumnElement[Any]]:
    """Return the sort keys; the rank, the last one, is different for every sample of a run."""
    if queue.kind is QueueKind.NEAR_TAU:
        return [func.abs(_SCORE.clean_probability - tau), _SCORE.rank + 0]
    if queue.kind is QueueKind.DUPLICATES:
        return [_S.sha256.expression, _SCORE.rank + 0]
    if queue.kind is QueueKind.AUDIT:
        place = select(AuditDraw.position).where(
            AuditDraw.project_id == _S.project_id, AuditDraw.sample_id == _S.id
        )
        return [place.correlate(_S).scalar_subquery(), _SCORE.rank + 0]
    # Walking along the rank finds the first ones at once where there are many. With few it would
    # pass over all others, so those few are sorted: `+ 0` keeps the index of the rank out.
    return [_SCORE.rank + 0 if few else _SCORE.rank.expression]


def _few(session: Session, asked: Asked, statuses: Statuses) -> str:
    """Return by what the queue is found among fewer than `FEW` samples, or ""."""
    queue, project_id = asked.queue, asked.project_id
    if queue.kind is QueueKind.DUPLICATES:
        return "sha256"
    here = select(_S.id).where(_S.project_id == project_id)
    ways = {"status": here.where(_S.status.in_(statuses))}
    if (wanted := queue.class_id) is not None:
        ways["class"] = here.where(_S.current_class_id == wanted)
    if (wanted := queue.given_class_id) is not None:
        given = _G.class_id == wanted
        ways["given"] = select(_G.sample_id).where(_G.project_id == project_id, given)
    if (wanted := queue.tag_id) is not None:
        ways["tag"] = select(_TAGGED.sample_id).where(_TAGGED.tag_id == wanted)
    if (least := queue.confidence) is not None:  # no index, but one table alone is read fast
        sure = (_SCORE.run_id == asked.run_id, _SCORE.suggested_probability >= least)
        ways["score"] = select(_SCORE.sample_id).where(*sure)
    for way, query in ways.items():
        some = select(func.count()).select_from(query.limit(FEW).subquery())
        if session.execute(some).scalar_one() < FEW:
            return way
    return ""


def _behind(
    session: Session, run_id: int, keys: Sequence[ColumnElement[Any]], after: int
) -> list[Condition]:
    """Return the condition of standing behind the sample `after` in the order of the keys."""
    query = select(*keys).join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
    place = session.execute(query.where(_SCORE.run_id == run_id, _S.id == after)).first()
    if place is None:
        return []
    if len(keys) == 1:
        return [keys[0] > place[0]]
    return [or_(keys[0] > place[0], and_(keys[0] == place[0], keys[1] > place[1]))]


def selection(session: Session, asked: Asked, *, limit: int) -> list[Selected]:
    """Return what a bulk decision needs of the samples of the queue, by rank."""
    few = _few(session, asked, asked.statuses)
    suggested = (_SCORE.suggested_class_id, _SCORE.suggested_probability)
    query = (
        select(_S.id, _S.version, _S.current_class_id, *suggested)
        .join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
        .where(*_holds(session, asked, asked.statuses, few=few))
    )
    rows = session.execute(query.order_by(_SCORE.rank + 0).limit(limit))
    return [Selected(*row) for row in rows]


def count(session: Session, asked: Asked) -> int:
    """Return how many samples the queue holds."""
    few = _few(session, asked, asked.statuses)
    query = (
        select(func.count())
        .join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
        .where(*_holds(session, asked, asked.statuses, few=few))
    )
    return int(session.execute(query).scalar_one())


def counts(
    session: Session, project_id: int, run_id: int, tau: float, *, reader: str = ""
) -> QueueCounts:
    """Return what is left in every queue of the run, for the reader: those they did not vote on."""
    status_counts: Counter[ReviewStatus] = Counter(dict.fromkeys(ReviewStatus, 0))
    parts: dict[str, dict[Any, list[int]]] = {
        name: defaultdict(lambda: [0, 0]) for name in ("total", "pair", "class")
    }
    near = 0
    asked = Asked(project_id, run_id, QueueFilter(), tau, reader)
    for status, current, given, suggested, all_of, number, issues, close in _groups(session, asked):
        status_counts[ReviewStatus(status)] += all_of
        if status not in UNDECIDED or not number:
            continue
        near += close
        keys = [("total", None), ("class", current)]
        if given is not None and given != suggested:
            keys.append(("pair", (given, suggested)))
        for name, key in keys:
            parts[name][key][0] += number
            parts[name][key][1] += issues
    left = {
        name: {key: Left(*value) for key, value in part.items()} for name, part in parts.items()
    }
    pairs = sorted(left["pair"].items(), key=lambda item: (-item[1].undecided, item[0]))
    return QueueCounts(
        by_status=dict(status_counts),
        total=left["total"].get(None, Left(0, 0)),
        pairs=dict(pairs),
        classes={key: value for key, value in left["class"].items() if key is not None},
        near_tau=near,
        tags=_tags(session, asked),
        **{kind.value: count(session, asked.of_kind(kind)) for kind in _COUNTED_ALONE},
    )


def _groups(session: Session, asked: Asked) -> Sequence[Any]:
    clean, tau = _SCORE.clean_probability, asked.tau
    columns = (_S.status, _S.current_class_id, _G.class_id, _SCORE.suggested_class_id)
    awaits = _awaits(session, asked)
    number = func.count().filter(*awaits) if awaits else func.count()
    issues = func.count().filter(clean <= tau, *awaits)
    near = func.count().filter(clean.between(tau - NEAR, tau + NEAR), *awaits)
    query = (
        select(*columns, func.count(), number, issues, near)
        .join_from(_SCORE, _S, _S.id == _SCORE.sample_id)
        .outerjoin(_G, _G.sample_id == _S.id)
        .where(_SCORE.run_id == asked.run_id)
    )
    return session.execute(query.group_by(*columns)).all()


def _tags(session: Session, asked: Asked) -> dict[int, int]:
    tag, project_id, run_id = tag_tables.Tag, asked.project_id, asked.run_id
    known = select(tag.id).where(tag.project_id == project_id)
    query = (
        select(_TAGGED.tag_id, func.count())
        .join_from(_TAGGED, _S, _S.id == _TAGGED.sample_id)
        .join(_SCORE, (_SCORE.sample_id == _S.id) & (_SCORE.run_id == run_id))
        .where(_TAGGED.project_id == project_id, _S.status.in_(UNDECIDED))
        .where(*_awaits(session, asked))
        .group_by(_TAGGED.tag_id)
    )
    left = Counter({row[0]: int(row[1]) for row in session.execute(query)})
    return {tag_id: left[tag_id] for tag_id in session.execute(known).scalars()}
