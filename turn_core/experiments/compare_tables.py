"""A comparison as figures: mean and spread over seeds, and tables in Markdown, CSV and Parquet."""

import csv
import io
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from turn_core.compare_config import METHODS, method_title
from turn_core.durable import Writer, atomic_write
from turn_core.types.comparing import Cell, MethodSummary, Spread

MEASURES = ("sve_before", "sve_after", "lsvr_before", "lsvr_after")
COLUMNS: Mapping[str, Any] = {
    "method": pa.string(),
    "seed": pa.int64(),
    "best_accuracy": pa.float64(),
    "last_accuracy": pa.float64(),
    "outside_accuracy": pa.float64(),
    "seconds": pa.float64(),
    **dict.fromkeys(MEASURES, pa.float64()),
    "notes": pa.string(),
    "error": pa.string(),
}
"""Of the tables of cells."""
_AGAINST = {
    "true": "true labels",
    "trusted": "labels that a person confirmed",
    "given": "given labels",
}


def summarize(cells: Sequence[Cell], methods: Iterable[str]) -> tuple[MethodSummary, ...]:
    """Return each method over the seeds that are ready; the best mean of the last epoch first.

    Methods without any accuracy come last, in their own order.
    """
    found = [_summary(name, [cell for cell in cells if cell.method == name]) for name in methods]
    return tuple(sorted(found, key=lambda row: -row.last.mean if row.last else 1.0))


def write_tables(cells: Sequence[Cell], methods: Sequence[str], folder: Path) -> list[str]:
    """Write comparison.md (a row per method) and comparison.csv, .parquet (a row per cell).

    Returns the names of the files.

    Raises:
        ResourceError: the disk is full.
    """
    rows = [_row(cell) for cell in cells]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(COLUMNS.items())))
    files: dict[str, bytes | Writer] = {
        "comparison.md": markdown(summarize(cells, methods)).encode(),
        "comparison.csv": text.getvalue().encode(),
        "comparison.parquet": lambda file: pq.write_table(table, file),
    }
    for name, content in files.items():
        atomic_write(folder / name, content)
    return list(files)


def plain_rows(rows: Sequence[MethodSummary]) -> list[dict[str, Any]]:
    """Return the rows as plain JSON values, shares as 0..1."""
    return [
        {
            "method": row.method,
            "title": method_title(row.method),
            "num_ready": row.num_ready,
            **{name: _plain(getattr(row, name)) for name in ("best", "last", "outside", "seconds")},
            "measures": {name: _plain(spread) for name, spread in row.measures.items()},
            "notes": list(row.notes),
            "errors": list(row.errors),
        }
        for row in rows
    ]


def markdown(rows: Sequence[MethodSummary]) -> str:
    """Return a table with a row per method: mean ± standard deviation over seeds, in per cent."""
    outside = any(row.outside for row in rows)
    measured = any(row.measures for row in rows)
    head = ["method", "best", "last", *(["other domain"] if outside else []), "seconds"]
    head += ["SVE", "LSVR"] if measured else []
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [method_title(row.method), in_percent(row.best), in_percent(row.last)]
        cells += [in_percent(row.outside)] if outside else []
        cells += [f"{row.seconds.mean:.1f}" if row.seconds else "–"]
        cells += [_moved(row, "sve"), _moved(row, "lsvr")] if measured else []
        lines.append(f"| {' | '.join(cells)} |")
    failed = [f"{method_title(row.method)}: {text}" for row in rows for text in row.errors]
    return "\n".join([*lines, *(["", *failed] if failed else [])]) + "\n"


def lead(cells: Sequence[Cell], methods: Sequence[str]) -> str | None:
    """Say which method is ahead after the last epoch, and in how many seeds; None with one alone.

    All methods of a seed are measured on the same samples, so that seeds are compared one by one.
    """
    rows = [row for row in summarize(cells, methods) if row.last is not None]
    if len(rows) < 2:
        return None
    first, second = (
        {cell.seed: cell.last_accuracy for cell in cells if cell.method == row.method}
        for row in rows[:2]
    )
    gaps = [
        mine - theirs
        for seed, mine in first.items()
        if mine is not None and (theirs := second.get(seed)) is not None
    ]
    if not gaps:
        return None
    ahead = sum(gap > 0 for gap in gaps)
    names = method_title(rows[0].method), method_title(rows[1].method)
    told = f"{names[0]} is ahead of {names[1]} by {100 * statistics.fmean(gaps):.1f} points"
    if len(gaps) == 1:
        return f"{told} in the one seed that both have."
    return f"{told} on average, in {ahead} of {len(gaps)} seeds."


def measured(summary: Mapping[str, Any]) -> str:
    """Say on how many samples accuracy was measured, and against whose labels."""
    held = int(summary.get("num_held_out", 0))
    sources = {name: count for name, count in summary.get("labels", {}).items() if count}
    against = " or ".join(_AGAINST[name] for name in sources) or "labels"
    how = "of the data's own test split" if summary.get("held_out_by") == "split" else "a seed"
    told = f"Accuracy is measured on {held:,} held-out samples {how}, against {against}."
    if "given" in sources:
        told += (
            " Given labels may be wrong: wrong ones lower every accuracy, and errors with a system "
            "favour methods that learn it."
        )
    if held:
        told += (
            f" By their number alone an accuracy of one seed is uncertain by up to "
            f"{98 / held**0.5:.1f} points (95 %)."
        )
    if outside := int(summary.get("num_outside", 0)):
        told += f" Other domain: {outside:,} samples, never trained on."
    return told


def in_percent(spread: Spread | None) -> str:
    """Return `91.2 ± 0.4`, in per cent; a dash for None."""
    if spread is None:
        return "–"
    between = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
    return f"{100 * spread.mean:.1f}{between}"


def _summary(method: str, cells: Sequence[Cell]) -> MethodSummary:
    ready = [cell for cell in cells if cell.error is None]
    names = [name for name in MEASURES if any(name in cell.measures for cell in ready)]
    return MethodSummary(
        method=method,
        num_ready=len(ready),
        best=_spread(cell.best_accuracy for cell in ready),
        last=_spread(cell.last_accuracy for cell in ready),
        outside=_spread(cell.outside_accuracy for cell in ready),
        seconds=_spread(cell.seconds for cell in ready),
        measures={
            name: found
            for name in names
            if (found := _spread(cell.measures.get(name) for cell in ready)) is not None
        },
        notes=tuple(dict.fromkeys(note for cell in ready for note in cell.notes)),
        errors=tuple(dict.fromkeys(cell.error for cell in cells if cell.error is not None)),
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None)


def _plain(spread: Spread | None) -> dict[str, float | None] | None:
    return None if spread is None else spread._asdict()


def _moved(row: MethodSummary, name: str) -> str:
    before, after = row.measures.get(f"{name}_before"), row.measures.get(f"{name}_after")
    return f"{before.mean:.3f} → {after.mean:.3f}" if before and after else "–"


def _row(cell: Cell) -> dict[str, Any]:
    assert cell.method in METHODS  # a table of ours
    plain = {name: getattr(cell, name) for name in list(COLUMNS)[:6]}
    plain |= {name: cell.measures.get(name) for name in MEASURES}
    return plain | {"notes": " ".join(cell.notes), "error": cell.error}
