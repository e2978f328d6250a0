"""Samples: browse, look at one, read all labels at one moment."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from turn_core.errors import DataError
from turn_core.services.workspace import Workspace
from turn_core.store import events as event_queries
from turn_core.store import projects as project_queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as queries
from turn_core.types import TRUSTED_STATUSES, LabelEvent, ReviewStatus, Sample, SampleState

T = TypeVar("T")
Order = Literal["file_name", "clean_probability"]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of `total` items; `next_cursor` fetches those that follow, None at the end."""

    items: list[T]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class LabelSnapshot:
    """All labels of a project as of one moment: N samples in the order of their ids.

    Class indices are int64, -1 for none; `class_ids[index]` and `class_names[index]` name them.
    Texts are object arrays; `raw` and `split` hold None where the source had nothing.
    """

    project_id: int
    label_rev: int
    class_ids: tuple[int, ...]
    class_names: tuple[str, ...]
    sample_ids: NDArray[np.int64]
    sha256s: NDArray[np.object_]
    file_names: NDArray[np.object_]
    given: NDArray[np.int64]
    current: NDArray[np.int64]
    true: NDArray[np.int64]
    trusted: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    status: NDArray[np.object_]
    state: NDArray[np.object_]
    split: NDArray[np.object_]
    raw: NDArray[np.object_]
    labels_sha256: str

    def __len__(self) -> int:
        """Return N."""
        return len(self.sample_ids)


def browse(  # noqa: PLR0913 - each is a filter of the page
    workspace: Workspace,
    project_id: int,
    *,
    class_id: int | None = None,
    status: ReviewStatus | None = None,
    state: SampleState | None = None,
    text: str = "",
    run_id: int | None = None,
    order: Order = "file_name",
    after: str | None = None,
    limit: int = 60,
) -> Page[Sample]:
    """Return a page of samples; `after` is the `next_cursor` of the page before.

    `class_id` is the current label; `text` a part of the file name. With `run_id` samples carry
    its clean probability; the order `clean_probability` needs it and shows scored samples only.

    Raises:
        NotFoundError: there is no such project or run.
        DataError: the cursor or the order cannot be used.
    """
    last = _cursor(after)
    conditions = queries.conditions(class_id=class_id, status=status, state=state, text=text)
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        if run_id is not None:
            run_queries.get_run(session, project_id, run_id)
        where: dict[str, Any] = {"after": last, "limit": limit + 1}
        if order == "clean_probability":
            if run_id is None:
                raise DataError("ordering by clean probability needs a run: choose one")
            rows = queries.page_by_rank(session, project_id, conditions, run_id=run_id, **where)
            total = queries.count(session, project_id, conditions, run_id=run_id)
        else:
            by_name = queries.page_by_name(session, project_id, conditions, run_id=run_id, **where)
            rows = [(sample.sample_id, sample) for sample in by_name]
            total = queries.count(session, project_id, conditions)
    cursor = str(rows[limit - 1][0]) if len(rows) > limit else None
    return Page([sample for _, sample in rows[:limit]], cursor, total)


def get_sample(workspace: Workspace, project_id: int, sample_id: int) -> Sample:
    """Return a sample.

    Raises:
        NotFoundError: the project has none of that id.
    """
    with workspace.reading() as session:
        return queries.get_sample(session, project_id, sample_id)


def history(workspace: Workspace, project_id: int, sample_id: int) -> list[LabelEvent]:
    """Return the decisions on a sample, the first one first."""
    with workspace.reading() as session:
        return event_queries.history(session, project_id, sample_id)


def label_snapshot(workspace: Workspace, project_id: int) -> LabelSnapshot:
    """Read all labels of a project in one transaction, with a hash of what they are.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        return _snapshot(session, project_id)


def _snapshot(session: Session, project_id: int) -> LabelSnapshot:
    project = project_queries.get_project(session, project_id)
    classes = project_queries.class_list(session, project_id)
    rows = queries.snapshot_rows(session, project_id)
    columns: list[Any] = list(zip(*rows)) if rows else [()] * len(queries.SNAPSHOT_COLUMNS)
    ids, hashes, names, state, status, given, current, true, split, raw = columns
    index = {class_id: place for class_id, place, _ in classes}
    label_of = {class_id: name for class_id, _, name in classes}
    trusted = {status.value for status in TRUSTED_STATUSES}
    return LabelSnapshot(
        project_id=project_id,
        label_rev=project.label_rev,
        class_ids=tuple(class_id for class_id, _, _ in classes),
        class_names=tuple(name for _, _, name in classes),
        sample_ids=np.array(ids, np.int64),
        sha256s=_texts(hashes),
        file_names=_texts(names),
        given=_indices(given, index),
        current=_indices(current, index),
        true=_indices(true, index),
        trusted=np.array([value in trusted for value in status], np.bool_),
        excluded=np.array([value == ReviewStatus.EXCLUDED for value in status], np.bool_),
        status=_texts(map({s.value: s for s in ReviewStatus}.__getitem__, status)),
        state=_texts(map({s.value: s for s in SampleState}.__getitem__, state)),
        split=_texts(split),
        raw=_texts(raw),
        labels_sha256=_labels_sha256(names, [label_of.get(c) for c in current], status),
    )


def _texts(values: Any) -> NDArray[np.object_]:
    found = list(values)
    array = np.empty(len(found), np.object_)
    array[:] = found
    return array


def _indices(class_ids: Any, index: dict[int, int]) -> NDArray[np.int64]:
    return np.array([-1 if c is None else index[c] for c in class_ids], np.int64)


def _labels_sha256(names: Any, labels: Any, statuses: Any) -> str:
    """Hash (file name, current label, status) of all samples, sorted, one JSON list per line."""
    quote = json.JSONEncoder(ensure_ascii=False).encode
    told = {text: quote(text) for text in {*labels, *statuses}}
    rows = sorted(zip(names, labels, statuses))
    lines = [f"[{quote(name)}, {told[label]}, {told[status]}]\n" for name, label, status in rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _cursor(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise DataError(f"the page mark {after[:40]!r} is not one of ours: start at the beginning")
    return int(after)
