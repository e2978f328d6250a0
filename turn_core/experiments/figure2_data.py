"""The images of Figure 2: chosen on a first pass over the source, kept as files on a second.

N selected samples. Nothing but hashes and labels of the others is held.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from turn_core.config import IngestLimits
from turn_core.durable import atomic_write, write_json
from turn_core.errors import IngestError
from turn_core.experiments.explore_data import Selection, select_samples
from turn_core.experiments.study_data import Candidates
from turn_core.explore_config import ExploreConfig
from turn_core.ingest import inspection
from turn_core.ingest.reading import read_source
from turn_core.ingest.source import ImportPlan, ItemBytes, SourceForm, SourceRef
from turn_core.pixels import Geometry, PixelCache, build_pixel_cache
from turn_core.predictions import OnProgress

FINE_LABEL, IMAGE = "fine_label", "image"
"""Columns of CIFAR-100 as Parquet; of other tables those that an import would propose."""

EVERY = 500
"""Images between two reports."""

Counted = Callable[[int], None]
"""Called with the number of images read; may raise to stop."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The samples of a figure and what they are called."""

    selection: Selection
    class_names: tuple[str, ...]
    """Of all classes of the data, in the order of their numbers."""
    file_names: tuple[str, ...]
    """(N,) of the selected samples."""
    sha256s: tuple[str, ...]
    """(N,) of their files."""

    @property
    def shown_classes(self) -> list[str]:
        """Names of the classes that were drawn."""
        return [self.class_names[c] for c in self.selection.classes]


def plan_of(data: Path, limits: IngestLimits) -> ImportPlan:
    """Return how the images of a folder or file are read.

    Raises:
        IngestError: there is nothing, or nothing with labels.
    """
    report = inspection.inspect(SourceRef.at_path(data), limits)
    plan = report.plan
    columns = {column.name for table in report.tables for column in table.columns}
    if SourceForm.PARQUET in report.forms and {FINE_LABEL, IMAGE} <= columns:
        return replace(
            plan,
            form=SourceForm.PARQUET,
            image_column=IMAGE,
            label_column=FINE_LABEL,
            true_label_column="",
            split_column="",
        )
    if report.problem:
        raise IngestError(report.problem)
    return plan


def choose(
    plan: ImportPlan, config: ExploreConfig, folder: Path, limits: IngestLimits, counted: Counted
) -> Chosen:
    """Return the samples that the config asks for; `folder` remembers them.

    Raises:
        IngestError: the source cannot be read.
        DataError: fewer than two classes have enough samples.
    """
    kept, names = folder / "selection.safetensors", folder / "selection.json"
    if not names.exists():
        found = _select(plan, config, limits, counted)
        found.selection.save(kept)
        words = {
            "class_names": found.class_names,
            "file_names": found.file_names,
            "sha256s": found.sha256s,
        }
        write_json(names, words)
    plain = json.loads(names.read_text(encoding="utf-8"))
    return Chosen(Selection.load(kept), **{name: tuple(texts) for name, texts in plain.items()})


def _select(
    plan: ImportPlan, config: ExploreConfig, limits: IngestLimits, counted: Counted
) -> Chosen:
    labels, splits, hashes, files = [], [], [], []
    for item in _items(plan, limits, counted):
        labels.append(item.raw_label)
        splits.append(item.split)
        hashes.append(hashlib.sha256(item.data).hexdigest())
        files.append(item.file_name)
    class_names = tuple(sorted({label for label in labels if label is not None}))
    number = {name: place for place, name in enumerate(class_names)}
    truth = np.array([-1 if label is None else number[label] for label in labels], np.int64)
    candidates = Candidates(
        ids=np.arange(len(labels)),
        labels=truth,
        true=truth,
        trusted=np.zeros(len(labels), bool),
        usable=truth >= 0,
        split=splits,
        image_keys=hashes,
    )
    selection = select_samples(candidates, config)
    rows = selection.rows.tolist()
    return Chosen(
        selection,
        class_names,
        tuple(files[row] for row in rows),
        tuple(hashes[row] for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Images:
    """Gives the N selected images in any geometry; keeps their files in `folder` meanwhile."""

    plan: ImportPlan
    chosen: Chosen
    folder: Path
    limits: IngestLimits
    counted: Counted

    def __call__(self, geometry: Geometry, on_progress: OnProgress) -> PixelCache:
        """Return the images in the order of the selection."""
        paths = [self.folder / sha256 for sha256 in self.chosen.sha256s]
        if not all(path.exists() for path in paths):
            self._extract()
        return build_pixel_cache(
            self.folder / "pixels",
            paths,
            self.chosen.sha256s,
            geometry,
            limits=self.limits,
            on_progress=on_progress,
        )

    def _extract(self) -> None:
        """Write the files of the selection.

        Raises:
            IngestError: the source has changed since the samples were chosen.
        """
        wanted = set(self.chosen.sha256s)
        for item in _items(self.plan, self.limits, self.counted):
            sha256 = hashlib.sha256(item.data).hexdigest()
            if sha256 in wanted:
                wanted.discard(sha256)
                atomic_write(self.folder / sha256, item.data)
        if wanted:
            raise IngestError(
                f"{self.plan.source.title} has changed since the samples were chosen: "
                f"{len(wanted):,} are gone; choose another folder for the result"
            )


def _items(plan: ImportPlan, limits: IngestLimits, counted: Counted) -> Iterator[ItemBytes]:
    counted(0)
    for done, item in enumerate(read_source(plan, limits, lambda name, reason: None), start=1):
        yield item
        if done % EVERY == 0:
            counted(done)
