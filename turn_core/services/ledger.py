"""The ledger: every decision that was ever made, looked through and taken along.

Nothing in it is changed or deleted: an undo is a decision of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from turn_core.export import tables
from turn_core.export.ledger_columns import LEDGER_COLUMNS
from turn_core.services.workspace import Workspace
from turn_core.store import ledger as queries
from turn_core.store import projects
from turn_core.types import Action, LabelEvent

LINES_AT_ONCE = 2000
COLUMNS = tuple(column.name for column in LEDGER_COLUMNS)
"""Columns of the ledger as a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """Which decisions are looked for; all that is set must be true of one."""

    actor: str = ""
    action: Action | None = None
    queue: str = ""
    bulk: bool | None = None
    run_id: int | None = None


ALL = LedgerFilter()
"""Every decision."""


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Decisions, the newest first; `total` counts all that were looked for."""

    events: tuple[LabelEvent, ...]
    total: int


def browse(
    workspace: Workspace,
    project_id: int,
    wanted: LedgerFilter = ALL,
    *,
    before: int | None = None,
    limit: int = 100,
) -> LedgerPage:
    """Return the newest decisions before the event of id `before`."""
    looked_for = _wanted(wanted)
    with workspace.reading() as session:
        events = queries.page(session, project_id, looked_for, before=before, limit=limit)
        return LedgerPage(tuple(events), queries.count(session, project_id, looked_for))


def people_and_queues(workspace: Workspace, project_id: int) -> tuple[list[str], list[str]]:
    """Return who decided, and in which queues, each in order."""
    with workspace.reading() as session:
        return queries.names(session, project_id)


def csv_lines(
    workspace: Workspace,
    project_id: int,
    wanted: LedgerFilter = ALL,
    *,
    for_spreadsheets: bool = False,
) -> Iterator[str]:
    """Yield the decisions as lines of CSV, the oldest first, after a line of `COLUMNS`.

    `for_spreadsheets` puts a ' before each text that a spreadsheet would run as a formula (and a
    byte order mark at the start); without it texts are to the letter.
    """
    rows = _rows(workspace, project_id, wanted)
    yield from tables.csv_lines(rows, LEDGER_COLUMNS, for_spreadsheets=for_spreadsheets)


def parquet(
    workspace: Workspace, project_id: int, file: IO[bytes], wanted: LedgerFilter = ALL
) -> int:
    """Write the decisions to a binary file as Parquet, the oldest first; return their number."""
    rows = _rows(workspace, project_id, wanted)
    return tables.write_parquet(rows, file, columns=LEDGER_COLUMNS)


def _rows(workspace: Workspace, project_id: int, wanted: LedgerFilter) -> Iterator[dict[str, Any]]:
    """Yield the decisions as rows of `COLUMNS`, the oldest first; `at` in Unix seconds."""
    with workspace.reading() as session:
        names = {class_id: name for class_id, _, name in projects.class_list(session, project_id)}
    after = 0
    while True:
        with workspace.reading() as session:  # none stays open while a browser is slow
            events = queries.following(
                session, project_id, _wanted(wanted), after=after, limit=LINES_AT_ONCE
            )
        yield from (_row(event, names) for event in events)
        if len(events) < LINES_AT_ONCE:
            return
        after = events[-1].event_id


def _wanted(wanted: LedgerFilter) -> queries.Wanted:
    action = "" if wanted.action is None else wanted.action.value
    return queries.Wanted(wanted.actor, action, wanted.queue, wanted.bulk, wanted.run_id)


def _row(event: LabelEvent, names: dict[int, str]) -> dict[str, Any]:
    def name(class_id: int | None) -> str | None:
        return None if class_id is None else names[class_id]

    return {
        "event_id": event.event_id,
        "at": event.at,
        "actor": event.actor,
        "action": event.action.value,
        "file_name": event.file_name,
        "sample_id": event.sample_id,
        "seq": event.seq,
        "class_name": name(event.class_id),
        "previous_class_name": name(event.previous_class_id),
        "seconds_spent": event.seconds_spent,
        "run_id": event.run_id,
        "queue": event.queue,
        "bulk": event.bulk,
        "batch_key": event.batch_key,
    }
