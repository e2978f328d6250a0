"""Clothing1M and WebVision in their official layouts, for Table 3. Labels are as delivered.

Photographs are decoded once per backbone geometry, into a file; S is the side of its images.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import array_file, images
from turn_core.array_file import ArrayWriter
from turn_core.config import IngestLimits
from turn_core.durable import write_json
from turn_core.errors import DataError
from turn_core.experiments import figure2_data
from turn_core.experiments.reproduce.benchmark import EVERY, Benchmark, Counted, Ints, Part
from turn_core.ingest.reading import read_source
from turn_core.ingest.source import ImportPlan, ItemBytes
from turn_core.pixels import Geometry, to_geometry
from turn_core.predictions import PixelSource

TEST_SPLITS = {"clothing1m": "test", "webvision": "val"}
"""Images with labels by people, which the papers measure on."""
CHUNK = 64
"""Images decoded between two writes."""
MARK_EVERY = 4096


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that takes part."""

    place: int
    """Number of the image in the source."""
    name: str
    label: str


class StoredImages:
    """Decoded images (N, 3, S, S) uint8 in a file."""

    def __init__(self, path: Path) -> None:
        self._pixels: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="r")

    def __len__(self) -> int:
        return len(self._pixels)

    def batch(self, rows: Ints) -> Tensor:
        """Return uint8 (B, 3, S, S)."""
        return torch.from_numpy(self._pixels[rows])


def read_photos(
    folder: Path,
    name: str,
    forms: Sequence[str],
    *,
    per_class: int,
    cache: Path,
    limits: IngestLimits,
    counted: Counted = lambda done: None,
) -> Benchmark:
    """Read the lists of a data set; `per_class` above 0 takes the first images of every class.

    The list is kept in `cache`, and so are decoded images once they are asked for.

    Raises:
        DataError: the folder is not laid out as `forms`, or has no images to test on.
        IngestError: the folder cannot be read.
    """
    plan = figure2_data.plan_of(folder, limits)
    if plan.form not in forms:
        raise DataError(f"{folder} is not laid out as {name}; give the folder with its lists")
    source = _Source(plan, limits, counted)
    parts = _parts(_listed(source, folder, name, cache), per_class)
    class_names = tuple(sorted({one.label for one in parts["train"]}))
    if len(class_names) < 2 or not parts["test"]:
        raise DataError(f"{folder} lacks images to train on or to test on; see its lists")
    key = _key(name, parts)

    def open_pixels(part: Part, geometry: Geometry) -> PixelSource:
        digest = hashlib.sha256(f"{key}/{part}/{geometry}".encode()).hexdigest()[:24]
        return source.decoded(parts[part], geometry, cache / f"pixels-{digest}.npy")

    sizes = f"{len(parts['train']):,} + {len(parts['test']):,} images"
    return Benchmark(
        title=f"{name}, {len(class_names)} classes, {sizes}",
        data_set=name,
        key=key,
        labels=_numbers(parts["train"], class_names),
        test_labels=_numbers(parts["test"], class_names),
        class_names=class_names,
        image_keys=tuple(one.name for one in parts["train"]),
        augmentation="crop",
        open_pixels=open_pixels,
        is_truth_known=False,
    )


def _parts(listed: dict[str, list[Listed]], per_class: int) -> dict[Part, list[Listed]]:
    """The images to train on, and those to test on in the classes that are trained."""
    train = _first_of_each(listed["train"], per_class)
    known = {one.label for one in train}
    return {"train": train, "test": [one for one in listed["test"] if one.label in known]}


def _numbers(listed: Sequence[Listed], class_names: Sequence[str]) -> Ints:
    number = {label: place for place, label in enumerate(class_names)}
    return np.array([number[one.label] for one in listed], np.int64)


@dataclass(frozen=True, slots=True)
class _Source:
    """The images of a folder, in their order."""

    plan: ImportPlan
    limits: IngestLimits
    counted: Counted

    def items(self) -> Iterator[tuple[int, ItemBytes]]:
        """Yield (number, item) of everything that can be read."""
        found = read_source(self.plan, self.limits, lambda name, reason: None)
        for place, item in enumerate(found):
            yield place, item
            if place % EVERY == 0:
                self.counted(place)

    def decoded(self, wanted: Sequence[Listed], geometry: Geometry, path: Path) -> PixelSource:
        """Return the wanted images, decoded now or before; an interrupted decoding goes on.

        Raises:
            DataError: an image is damaged, or the folder has changed.
            ResourceError: the disk has no room.
        """
        if not array_file.exists(path):
            with array_file.only_builder(path, lambda: self.counted(0)) as missing:
                if missing:
                    self._decode(wanted, geometry, path)
        return StoredImages(path)

    def _decode(self, wanted: Sequence[Listed], geometry: Geometry, path: Path) -> None:
        shape = (len(wanted), 3, geometry.size, geometry.size)
        with ArrayWriter(path, shape, np.uint8, what=f"decoding {len(wanted):,} images") as writer:
            names = {one.place: one.name for one in wanted[writer.done :]}
            chunk: list[NDArray[np.uint8]] = []
            for place, item in self.items():
                if place not in names:
                    continue
                if item.file_name != names[place]:
                    raise DataError(f"{self.plan.source.title} has changed; choose another --out")
                chunk.append(_fitted(item, geometry, self.limits))
                if len(chunk) == CHUNK or writer.done + len(chunk) == len(wanted):
                    writer.append(np.stack(chunk))
                    chunk = []
                    if writer.done % MARK_EVERY == 0:
                        writer.mark({})
            if writer.done < len(wanted):
                raise DataError(f"{self.plan.source.title} has changed; choose another --out")
            writer.finish({})


def _fitted(item: ItemBytes, geometry: Geometry, limits: IngestLimits) -> NDArray[np.uint8]:
    image = np.array(images.decode(item.data, limits=limits)).transpose(2, 0, 1)
    fitted: NDArray[np.uint8] = to_geometry(torch.from_numpy(image)[None], geometry)[0].numpy()
    return fitted


def _listed(source: _Source, folder: Path, name: str, cache: Path) -> dict[str, list[Listed]]:
    """Return the images with labels of both parts, from the source or as kept."""
    path = cache / f"{name}-list.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["folder"] == str(folder.absolute()):
            return {part: [Listed(*one) for one in kept[part]] for part in ("train", "test")}
    part_of = {"train": "train", TEST_SPLITS[name]: "test"}
    found: dict[str, list[Listed]] = {"train": [], "test": []}
    for place, item in source.items():
        if item.raw_label is not None and item.split in part_of:
            found[part_of[item.split]].append(Listed(place, item.file_name, item.raw_label))
    plain = {part: [[o.place, o.name, o.label] for o in many] for part, many in found.items()}
    write_json(path, {"folder": str(folder.absolute()), **plain})
    return found


def _first_of_each(listed: Sequence[Listed], per_class: int) -> list[Listed]:
    if not per_class:
        return list(listed)
    seen: dict[str, int] = {}
    kept = []
    for one in listed:
        seen[one.label] = seen.get(one.label, 0) + 1
        if seen[one.label] <= per_class:
            kept.append(one)
    return kept


def _key(name: str, parts: dict[Part, list[Listed]]) -> str:
    told = json.dumps([[one.name, one.label] for part in sorted(parts) for one in parts[part]])
    return f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:24]}"
