"""A table of the TURN paper from start to end: what is missing is computed, what is there is kept.

Every finished cell is a JSON file in `out/cells`; the tables are written anew after each.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turn_core import devices
from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.config import IngestLimits
from turn_core.durable import atomic_write, write_json
from turn_core.errors import BackboneError, DataError, JobCancelled, JobError
from turn_core.experiments.reproduce import drawing, plan, sources, tables
from turn_core.experiments.reproduce.benchmark import Benchmark, Counted
from turn_core.experiments.reproduce.cells import run_cell, settings_of, title_of
from turn_core.experiments.reproduce.plan import NOISES, Row, Scale
from turn_core.experiments.reproduce.tables import Comparison
from turn_core.experiments.reproduce.workbench import Workbench
from turn_core.methods.progress import OnEvent, StageProgress
from turn_core.ranges import check_choice, check_range

READ = "Read the images"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproduceRequest:
    """Which table, on what, and where the result goes."""

    table: str
    """One of `plan.TABLES`."""
    out: Path
    data: Path | None = None
    """Folder of the images, or one that holds it under the name of the data set."""
    backbones: tuple[str, ...] = ()
    """Names or folders; none: the paper's at full scale, the embedded one at small scale."""
    scale: Scale = "small"
    seeds: int = 3
    """Seeds 0, 1, ..."""
    noises: tuple[str, ...] = ()
    """Only these are run, of `plan.NOISES`, or what begins so."""
    methods: tuple[str, ...] = ()
    """Only these are run, of `paper.METHODS`, or what begins so."""
    per_class: int = 0
    """Above 0: the first so many training images of every class."""
    device: str = "auto"
    allow_hub: bool = True
    limits: IngestLimits = field(default_factory=IngestLimits)

    def __post_init__(self) -> None:
        check_choice("reproduce.scale", self.scale, ("small", "full"))
        check_range("reproduce.seeds", self.seeds, 1, 100)
        check_range("reproduce.per_class", self.per_class, 0, 1_000_000)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    files: tuple[str, ...]
    """In `out`."""
    num_finished: int
    """Cells with a result, of this call or an earlier one."""
    num_wanted: int
    missing: tuple[str, ...]
    """Sentences on what could not be run, and why."""


def reproduce(
    request: ReproduceRequest,
    *,
    load: Callable[[str], Backbone] | None = None,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> Report:
    """Run the cells that are missing, seed by seed, and write the tables after each.

    Data or a backbone that cannot be had are named in the report and in the tables, and so is a
    cell whose training fails; everything else is run. `load` gives a new backbone by its name; None
    loads it as the request allows.

    Raises:
        ConfigError: a name is unknown, or a number out of range.
        ResourceError: the disk or the device is exhausted.
    """
    work = _Work(request, load, on_event, check)
    for images in work.benchmarks():
        for name in work.backbones:
            if bench := work.bench(images, name):
                work.run_all(bench)
    return work.report()


class _Work:
    """The state of one call."""

    def __init__(
        self,
        request: ReproduceRequest,
        load: Callable[[str], Backbone] | None,
        on_event: OnEvent,
        check: Callable[[], None],
    ) -> None:
        table = plan.table_of(request.table)
        self.request, self.on_event, self.check = request, on_event, check
        self.all_rows = table.rows
        self.rows = plan.select(table, request.noises, request.methods)
        self.backbones = request.backbones or plan.default_backbones(table, request.scale)
        self.device = devices.resolve(request.device)
        self._load = load or (lambda name: load_backbone(name, allow_hub=request.allow_hub))
        self._labels: dict[str, str] = {}
        self._records: list[dict[str, Any]] = []
        self._missing: dict[str, None] = {}
        self._facts: dict[str, None] = {}

    def benchmarks(self) -> list[Benchmark]:
        """Return the data sets of the rows that are there; the others are named as missing."""

        def counted(done: int) -> None:
            self.check()
            self.on_event(StageProgress(READ, done, 0))

        found = []
        for name in dict.fromkeys(sources.data_set_of(row) for row in self.rows):
            try:
                images = self._open(name, counted)
            except DataError as error:
                self._missing[f"{sources.TITLES[name]}: {error}"] = None
                continue
            self._facts[f"Data: {images.title}."] = None
            found.append(images)
        return found

    def _open(self, name: str, counted: Counted) -> Benchmark:
        request = self.request
        return sources.open_benchmark(
            name,
            request.data,
            scale=request.scale,
            per_class=request.per_class,
            cache=request.out / "cache",
            limits=request.limits,
            counted=counted,
        )

    def bench(self, images: Benchmark, name: str) -> Workbench | None:
        """Return a backbone on the images; None where it cannot be had, which is then named."""
        try:
            found = Workbench(
                images,
                name,
                load=lambda: self._load(name),
                cache=self.request.out / "cache",
                device=self.device,
                on_event=self.on_event,
                check=self.check,
            )
        except BackboneError as error:
            self._missing[f"{name}: {error}"] = None
            return None
        self._labels[name] = found.label
        self._facts[f"{found.label}: settings of the preset {found.spec.preset}."] = None
        return found

    def run_all(self, bench: Workbench) -> None:
        """Take the cells of a backbone that are there; run those asked for, seed by seed.

        What an earlier call with other names has run stays in the table.
        """
        rows = {
            (row.noise, row.name): row
            for row in self.all_rows
            if sources.data_set_of(row) == bench.benchmark.data_set
        }
        cells = [
            _Cell(bench, row, seed, self.request.out)
            for seed in range(self.request.seeds)
            for row in rows.values()
        ]
        asked = {(row.noise, row.name) for row in self.rows}
        waiting = [c for c in cells if (c.row.noise, c.row.name) in asked and not c.path.exists()]
        self._records += [cell.kept() for cell in cells if cell.path.exists()]
        self._write()
        for cell in waiting:
            self.check()
            if record := self._run(cell):
                self._records.append(record)
                self._write()

    def report(self) -> Report:
        """Write the tables and return what came of the call."""
        files = [*self._write(), *self._draw()]
        return Report(tuple(files), len(self._records), self._num_wanted(), tuple(self._missing))

    def _run(self, cell: "_Cell") -> dict[str, Any] | None:
        """Run a cell and keep its record; None where it fails, which is then named."""
        label, row = cell.bench.label, cell.row
        try:
            return cell.run()
        except JobCancelled:
            raise
        except DataError as error:
            self._missing[f"{label}, {NOISES[row.noise].title}: {error}"] = None
        except JobError as error:
            self._missing[f"{label}, {title_of(row)}, seed {cell.seed}: {error}"] = None
        return None

    def _draw(self) -> list[str]:
        """Draw the figure of every backbone that has a result."""
        if self.request.table != "figure3":
            return []
        found = self._comparison()
        names = []
        for label in dict.fromkeys(str(record["backbone"]) for record in self._records):
            names.append(f"figure3-{label}.png")
            atomic_write(self.request.out / names[-1], drawing.figure_3(found, label))
        return names

    def _shown(self) -> tuple[Row, ...]:
        """The rows asked for, and those that have a result."""
        known = {(record["noise"], record["row"]) for record in self._records}
        known |= {(row.noise, row.name) for row in self.rows}
        return tuple(row for row in self.all_rows if (row.noise, row.name) in known)

    def _num_wanted(self) -> int:
        cells = {(row.noise, row.name) for row in self._shown()}
        return len(cells) * len(self.backbones) * self.request.seeds

    def _write(self) -> list[str]:
        return tables.write(self._comparison(), self.request.out)

    def _comparison(self) -> Comparison:
        return Comparison(
            name=self.request.table,
            rows=self._shown(),
            backbones=tuple(self._labels.get(name, name) for name in self.backbones),
            records=tuple(self._records),
            facts=tuple(self._facts),
            missing=tuple(self._missing),
            num_wanted=self._num_wanted(),
        )


class _Cell:
    """One cell and where it is kept."""

    def __init__(self, bench: Workbench, row: Row, seed: int, out: Path) -> None:
        self.bench, self.row, self.seed = bench, row, seed
        self.settings = settings_of(bench, row)
        told = json.dumps([self.settings, seed], sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()[:12]
        name = f"{bench.label}--{row.noise}--{row.name}--seed-{seed}--{digest}"
        self.path, self._work = out / "cells" / f"{name}.json", out / "work" / name

    def kept(self) -> dict[str, Any]:
        """Return the record of an earlier run."""
        record: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return record

    def run(self) -> dict[str, Any]:
        """Run the cell and keep its record."""
        record = run_cell(self.bench, self.row, seed=self.seed, folder=self._work)
        write_json(self.path, {**record, "settings": self.settings})
        shutil.rmtree(self._work, ignore_errors=True)
        return record
