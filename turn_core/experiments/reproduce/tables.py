"""Results as tables: one row per finished cell (Parquet), and the comparison to read (Markdown)."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from turn_core.durable import atomic_write
from turn_core.experiments.reproduce import plan
from turn_core.experiments.reproduce.compared import (
    PaperNumbers,
    Record,
    Spread,
    last_of,
    paper_numbers,
    ratio,
    reference,
    spread,
)
from turn_core.experiments.reproduce.plan import NOISES, Row

NOTHING = "-"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("table", "backbone", "noise", "row", "method")),
        ("title", pa.string()),
        ("panel", pa.string()),
        ("seed", pa.int64()),
        ("best", pa.float64()),
        ("last", pa.float64()),
        ("curve", pa.list_(pa.float64())),
        ("probe_accuracy", pa.float64()),
        ("subset_sizes", pa.list_(pa.int64())),
        ("subset_purity", pa.list_(pa.float64())),
        ("paper_backbone", pa.string()),
        ("paper_best", pa.float64()),
        ("paper_last", pa.float64()),
        ("paper_num_samples", pa.int64()),
        ("paper_purity", pa.float64()),
        ("paper_minutes", pa.float64()),
        ("noise_rate", pa.float64()),
        *((name, pa.int64()) for name in ("num_train", "num_test", "num_classes", "forwards")),
        *((name, pa.float64()) for name in ("cost", "seconds", "extraction_seconds")),
        ("precision", pa.string()),
        ("threads", pa.int64()),
        ("device", pa.string()),
        ("load", pa.float64()),
        ("version", pa.string()),
        ("notes", pa.list_(pa.string())),
    ]
)
"""Accuracies and purities in percent, cost in five-epoch fine-tunings: see docs/reproduce.md."""

REMARKS = {
    "table1": "The paper trains networks from scratch; here a linear head is trained on features "
    "that are extracted once. What compares is the order, and the ratio to cross entropy. ELR+, "
    "which the paper has too (248.8 minutes), is not among our methods.",
    "table4": "The paper gives one number per row; for the whole method it is that of the last "
    "epoch in its Table 2. Without a linear probe the head starts at zero: the first "
    "cleansing finds nothing to go by and leaves all labels in.",
    "table9": "Samples and purity are those of the last epoch's subset.",
    "figure3": "The paper's text gives no numbers for its curves but: TURN 2.69 points above "
    "UNICON at 0.12 of its time. The ranges of (b) and (c) are ours.",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of a table so far."""

    name: str
    rows: tuple[Row, ...]
    backbones: tuple[str, ...]
    records: tuple[Record, ...]
    """Of the finished cells."""
    facts: tuple[str, ...]
    """Sentences on data and settings."""
    missing: tuple[str, ...]
    """Sentences on what could not be run, and why."""
    num_wanted: int
    """Cells in all."""

    def of(self, row: Row, backbone: str) -> list[Record]:
        """Return the records of a row, one per seed."""
        found = [
            record
            for record in self.records
            if (record["backbone"], record["noise"], record["row"])
            == (backbone, row.noise, row.name)
        ]
        return sorted(found, key=lambda record: int(record["seed"]))


def write(found: Comparison, out: Path) -> list[str]:
    """Write `<name>.md` and `<name>.parquet` into `out` and return their names.

    Raises:
        ResourceError: the disk is full.
    """
    atomic_write(out / f"{found.name}.md", markdown(found).encode())
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_flat(found), schema=SCHEMA), buffer)
    atomic_write(out / f"{found.name}.parquet", buffer.getvalue())
    return [f"{found.name}.md", f"{found.name}.parquet"]


def _flat(found: Comparison) -> list[dict[str, object]]:
    names = {field.name for field in SCHEMA}
    flat = []
    for backbone in found.backbones:
        for row in found.rows:
            told = paper_numbers(found.name, row, backbone)
            beside: dict[str, object] = {
                f"paper_{name}": value for name, value in told._asdict().items()
            }
            beside |= {
                "paper_backbone": reference(found.name, backbone),
                "title": row.title,
                "panel": row.panel,
            }
            for record in found.of(row, backbone):
                known = {name: value for name, value in record.items() if name in names}
                flat.append({"table": found.name, **known, **beside})
    return flat


def markdown(found: Comparison) -> str:
    """Return the comparison as a page."""
    number = found.name.removeprefix("table").removeprefix("figure")
    kind = "Figure" if found.name.startswith("figure") else "Table"
    lines = [f"# {kind} {number} of the TURN paper: {plan.TABLES[found.name].title}", ""]
    lines += [
        "Accuracy in percent on test images with right labels, best / last epoch (best is chosen",
        "on the test images, as in the paper), mean ± standard deviation over seeds. Cost:",
        "forward passes, a training step counting three, in units of five epochs of full",
        "fine-tuning on the same images. Seconds hold the extraction of features.",
        "",
        *(f"- {fact}" for fact in found.facts),
        *_machines(found),
        f"- {len(found.records)} of {found.num_wanted} cells are finished.",
        "",
    ]
    if remark := REMARKS.get(found.name):
        lines += [remark, ""]
    for backbone in found.backbones:
        lines += _section(found, backbone)
    if found.missing:
        lines += ["## Not run", "", *(f"- {sentence}" for sentence in found.missing), ""]
    return "\n".join(lines)


def _machines(found: Comparison) -> list[str]:
    """What the cells were run with and on."""
    keys = ("version", "device", "threads", "precision")
    runs = {tuple(record.get(key) for key in keys) for record in found.records}
    lines = [
        f"- Run with TURN Audit {version} on {device}, threads: {threads}, {precision}."
        for version, device, threads, precision in sorted(runs, key=str)
    ]
    if loads := [record["load"] for record in found.records if record.get("load") is not None]:
        lines.append(f"- Load of the machine meanwhile: {min(loads):.1f} to {max(loads):.1f}.")
    return lines


def _section(found: Comparison, backbone: str) -> list[str]:
    known = reference(found.name, backbone)
    lines = [f"## {backbone} (the paper's numbers: {known}, all classes)", ""]
    if found.name in ("table2", "table3", "table5"):
        lines += ["Who is first among the methods below, by the best epoch:", ""]
        lines += [*_winners(found, backbone), ""]
    for group in dict.fromkeys((row.noise, row.panel) for row in found.rows):
        rows = [row for row in found.rows if (row.noise, row.panel) == group]
        lines += [f"### {_group_title(found, backbone, rows)}", ""]
        columns = _columns(found, backbone, rows)
        lines += [*_grid(list(columns), [[tell(r) for tell in columns.values()] for r in rows]), ""]
    return lines


def _group_title(found: Comparison, backbone: str, rows: Sequence[Row]) -> str:
    title = NOISES[rows[0].noise].title
    rates = spread([r for row in rows for r in found.of(row, backbone)], "noise_rate")
    measured = f" ({rates.mean:.1%} of the labels are wrong)" if rates else ""
    panel = f"{plan.PANELS[rows[0].panel]}, " if rows[0].panel else ""
    return f"{panel}{title}{measured}"


Tell = Callable[[Row], str]


def _columns(found: Comparison, backbone: str, rows: Sequence[Row]) -> dict[str, Tell]:
    """Return the columns of a table: the heading, and what stands there for a row."""

    def own(row: Row) -> list[Record]:
        return found.of(row, backbone)

    def told(row: Row) -> PaperNumbers:
        return paper_numbers(found.name, row, backbone)

    first = own(rows[0])
    columns: dict[str, Tell] = {"method": lambda row: row.title}
    if found.name == "table1":
        base = paper_numbers(found.name, rows[0], backbone).minutes
        columns["paper: minutes (ratio)"] = lambda row: _minutes(told(row).minutes, base)
        columns["ours: ratio of seconds"] = lambda row: _times(ratio(own(row), first, "seconds"))
        columns["ratio of cost"] = lambda row: _times(ratio(own(row), first, "cost"))
    else:
        columns["paper"] = lambda row: _pair(told(row))
    columns["ours: best"] = lambda row: _text(spread(own(row), "best"))
    columns["last"] = lambda row: _text(spread(own(row), "last"))
    if found.name == "table9":
        columns["paper: samples, purity"] = lambda row: _subset(told(row))
    if found.name == "table9" or rows[0].panel == "tau":
        columns["ours: samples"] = lambda row: _text(last_of(own(row), "subset_sizes"), 0)
        columns["purity"] = lambda row: _text(last_of(own(row), "subset_purity"))
    columns["cost"] = lambda row: _text(spread(own(row), "cost"), 2)
    columns["seconds"] = lambda row: _text(spread(own(row), "seconds"))
    columns["seeds"] = lambda row: str(len(own(row)))
    return columns


def _winners(found: Comparison, backbone: str) -> list[str]:
    """Who is first under each noise, in the paper and here, and by how much TURN leads."""
    lines = []
    for noise in dict.fromkeys(row.noise for row in found.rows):
        rows = [row for row in found.rows if row.noise == noise]
        told = {r.title: paper_numbers(found.name, r, backbone).best for r in rows}
        ours = {r.title: s.mean for r in rows if (s := spread(found.of(r, backbone), "best"))}
        paper = {title: best for title, best in told.items() if best is not None}
        whole = ours if len(ours) == len(rows) else {}  # who is first is known at the end
        lines.append(
            [
                NOISES[noise].title,
                *(_first(paper), _lead(paper), _first(whole), _lead(whole)),
                f"{len(ours)} of {len(rows)}",
            ]
        )
    heading = ["noise", "paper: first", "TURN leads by", "ours: first", "TURN leads by", "methods"]
    return _grid(heading, lines)


def _first(accuracy: dict[str, float]) -> str:
    return max(accuracy, key=lambda title: accuracy[title]) if len(accuracy) > 1 else NOTHING


def _lead(accuracy: dict[str, float]) -> str:
    """By how many points TURN's best accuracy leads the best of the others."""
    turn = plan.TITLES["turn"]
    others = [value for title, value in accuracy.items() if title != turn]
    return f"{accuracy[turn] - max(others):+.1f}" if turn in accuracy and others else NOTHING


def _grid(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heading)} |",
        f"|{'---|' * len(heading)}",
        *(f"| {' | '.join(line)} |" for line in lines),
    ]


def _text(value: Spread | None, digits: int = 1) -> str:
    return NOTHING if value is None else value.text(digits)


def _pair(told: PaperNumbers) -> str:
    if told.best is None:
        return NOTHING if told.last is None else f"{told.last:.2f}"
    return f"{told.best:.2f} / {told.last:.2f}"


def _subset(told: PaperNumbers) -> str:
    return f"{told.num_samples:,}, {told.purity:.2f}" if told.num_samples else NOTHING


def _minutes(value: float | None, base: float | None) -> str:
    return f"{value:.1f} ({value / base:.2f})" if value and base else NOTHING


def _times(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"
