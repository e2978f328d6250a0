"""The votes of a project as files, where several reviewers vote on each image."""

from collections.abc import Iterator
from typing import IO, Any

from turn_core.export import tables
from turn_core.export.ledger_columns import VOTE_COLUMNS
from turn_core.services import votes
from turn_core.services.workspace import Workspace
from turn_core.store import projects
from turn_core.types.voting import Vote

AT_ONCE = 2000


def csv_lines(
    workspace: Workspace, project_id: int, *, reader: str, for_spreadsheets: bool = False
) -> Iterator[str]:
    """Yield the votes that the reader may see as lines of CSV, the oldest first, after a header.

    `for_spreadsheets` is that of `ledger.csv_lines`.
    """
    rows = _rows(workspace, project_id, reader)
    yield from tables.csv_lines(rows, VOTE_COLUMNS, for_spreadsheets=for_spreadsheets)


def parquet(workspace: Workspace, project_id: int, file: IO[bytes], *, reader: str) -> int:
    """Write the votes that the reader may see to a binary file as Parquet; return their number."""
    return tables.write_parquet(_rows(workspace, project_id, reader), file, columns=VOTE_COLUMNS)


def _rows(workspace: Workspace, project_id: int, reader: str) -> Iterator[dict[str, Any]]:
    with workspace.reading() as session:
        names = {class_id: name for class_id, _, name in projects.class_list(session, project_id)}
    after = 0
    while True:
        found = votes.list_votes(workspace, project_id, reader=reader, after=after, limit=AT_ONCE)
        yield from (_row(vote, names) for vote in found)
        if len(found) < AT_ONCE:
            return
        after = found[-1].vote_id


def _row(vote: Vote, names: dict[int, str]) -> dict[str, Any]:
    same = [column.name for column in VOTE_COLUMNS if hasattr(vote, column.name)]
    return {
        **{name: getattr(vote, name) for name in same},
        "action": vote.action.value,
        "class_name": None if vote.class_id is None else names[vote.class_id],
    }
