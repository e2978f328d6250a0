"""What a method tells while it runs, and how long its stages took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StageProgress:
    """`step` of `total` items of a stage are done."""

    stage: str
    step: int
    total: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a live curve; x is the epoch."""

    name: str
    x: float
    y: float


OnEvent = Callable[[StageProgress | CurvePoint], None]
"""Receives events; cheap, and called often."""


class StageTimes:
    """Seconds and items per stage, in order, kept through a resume."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self._rows = rows or []
        self._open: tuple[str, float, Items] | None = None

    @contextmanager
    def measure(self, stage: str) -> Iterator["Items"]:
        """Add the time of the block to `stage`, and the items that the block counts."""
        self._open = (stage, time.perf_counter(), Items())
        try:
            yield self._open[2]
        finally:
            self._rows, self._open = self.rows(), None

    def rows(self) -> list[dict[str, Any]]:
        """Return {stage, seconds, items, per_second} of every stage, the one under way included.

        Items are those that were worked on, not those that came from a cache.
        """
        rows = [dict(row) for row in self._rows]
        if self._open is None:
            return rows
        stage, start, items = self._open
        row = next((r for r in rows if r["stage"] == stage), None)
        if row is None:
            row = {"stage": stage, "seconds": 0.0, "items": 0, "per_second": 0.0}
            rows.append(row)
        row["seconds"] += time.perf_counter() - start
        row["items"] += items.count
        row["per_second"] = row["items"] / row["seconds"] if row["seconds"] else 0.0
        return rows


@dataclass(slots=True)
class Items:
    """A counter of items."""

    count: int = 0
