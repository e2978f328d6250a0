"""The data of a table: CIFAR-100 from disk, split as the paper does, and its wrong labels.

N images to train on, T to test on, K classes; images are uint8 (N, 3, H, W).
"""

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import images
from turn_core.config import Augmentation, IngestLimits, NoiseConfig
from turn_core.errors import DataError
from turn_core.experiments import figure2_data
from turn_core.experiments.reproduce.plan import GIVEN, HUMAN, Noise, Scale
from turn_core.experiments.reproduce.superclasses import SUPERCLASSES
from turn_core.holdout import stratified_holdout
from turn_core.ingest.reading import read_source
from turn_core.noise import apply_noise
from turn_core.noise_config import INSTANCE_KINDS
from turn_core.pixels import Geometry, to_geometry
from turn_core.predictions import PixelSource
from turn_core.seeds import derive

Ints = NDArray[np.int64]
Part = Literal["train", "test"]
Counted = Callable[[int], None]
"""Called with the number of images read; may raise to stop."""

SMALL = (0, 4, 7, 11)
"""Superclasses of the small scale: 20 classes."""
VALIDATION = 0.05
"""Share of every class that is not trained on: the paper's 47,500 of 50,000."""
HUMAN_LABELS = "human_labels.csv"
EVERY = 500
"""Images between two reports."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmark:
    """Labelled images to train on, and others with right labels to test on."""

    title: str
    data_set: str
    """cifar100, clothing1m or webvision."""
    key: str
    """Names the images, in their order."""
    labels: Ints
    """(N,) in 0..K-1: right ones, or the delivered ones where nobody knows better."""
    test_labels: Ints
    """(T,)."""
    class_names: tuple[str, ...]
    image_keys: tuple[str, ...]
    """(N,) equal for copies of one image."""
    augmentation: Augmentation
    """The paper's for this data set (its appendix A.2.2)."""
    open_pixels: Callable[[Part, Geometry], PixelSource]
    is_truth_known: bool = True
    raw: NDArray[np.uint8] | None = None
    """(N, 3, H, W), for noise that depends on the image."""
    superclasses: tuple[int, ...] = ()
    """(K,) of CIFAR-100."""
    human: Ints | None = None
    """(N,) what people say; -1 for none of the K classes."""

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a method is trained on: M of the N images, with labels that may be wrong."""

    rows: Ints
    """(M,) ascending places among the N."""
    labels: Ints
    """(M,)."""
    is_wrong: NDArray[np.bool_] | None
    """(M,); None where nobody knows."""

    @property
    def noise_rate(self) -> float | None:
        """Share of wrong labels."""
        return None if self.is_wrong is None else float(self.is_wrong.mean())


@dataclass(frozen=True, slots=True)
class ArrayImages:
    """Small images in memory, resized batch by batch."""

    images: NDArray[np.uint8]
    geometry: Geometry

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: Ints) -> Tensor:
        """Return uint8 (B, 3, S, S)."""
        return to_geometry(torch.from_numpy(self.images[rows]), self.geometry)


def given_labels(benchmark: Benchmark, noise: Noise, *, seed: int) -> Given:
    """Return the 95 % to train on, and their labels after `noise`; both follow from the seed.

    The split comes first and is made by the right labels; every class gives its share.

    Raises:
        DataError: the noise needs what the benchmark has not.
    """
    usable = np.ones(len(benchmark.labels), bool)
    if noise.kind == HUMAN:
        if benchmark.human is None:
            raise DataError(f"there is no {HUMAN_LABELS} beside the images; put CIFAR-100N's there")
        usable = benchmark.human >= 0
    held = stratified_holdout(
        benchmark.labels,
        benchmark.image_keys,
        usable,
        fraction=VALIDATION,
        seed=derive(seed, "reproduce", "split"),
    )
    rows = np.flatnonzero(usable & ~held)
    labels = _noisy(benchmark, rows, noise, seed=derive(seed, "reproduce", "noise"))
    right = benchmark.labels[rows]
    return Given(rows, labels, labels != right if benchmark.is_truth_known else None)


def _noisy(benchmark: Benchmark, rows: Ints, noise: Noise, *, seed: int) -> Ints:
    right = benchmark.labels[rows]
    if noise.kind == GIVEN:
        return right
    if noise.kind == HUMAN:
        assert benchmark.human is not None  # checked by the caller
        return benchmark.human[rows]
    superclasses = benchmark.superclasses if noise.kind == "asymmetric_superclass" else None
    inputs = None
    if noise.kind in INSTANCE_KINDS and benchmark.raw is not None:
        inputs = benchmark.raw[rows]
    config = NoiseConfig(kind=noise.kind, level=noise.level, superclasses=superclasses)
    return apply_noise(right, benchmark.num_classes, config, seed=seed, inputs=inputs).labels


@dataclass(slots=True)
class _Split:
    """Images of a split as they are read."""

    images: list[NDArray[np.uint8]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    """Places in the whole split."""
    num_read: int = 0

    def stacked(self) -> NDArray[np.uint8]:
        """(N, 3, H, W).

        Raises:
            DataError: the images differ in size.
        """
        sizes = {image.shape for image in self.images}
        if len(sizes) != 1:
            raise DataError(f"images of CIFAR-100 have one size, these have {sorted(sizes)[:3]}")
        return np.stack(self.images)


def read_cifar100(
    folder: Path,
    *,
    scale: Scale,
    per_class: int = 0,
    limits: IngestLimits | None = None,
    counted: Counted = lambda done: None,
) -> Benchmark:
    """Read CIFAR-100: Parquet shards named by split, or the official batches.

    `small` keeps the classes of four superclasses; `per_class` above 0 the first so many training
    images of each class. Human labels are read where `human_labels.csv` lies beside the images.

    Raises:
        DataError: other classes, no test images, or human labels of other images.
        IngestError: the folder cannot be read.
    """
    train, test = _read_splits(folder, scale, limits or IngestLimits(), counted)
    names = tuple(sorted(set(train.names)))
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[name] for name in train.names], np.int64)
    human = _human(folder / HUMAN_LABELS, train, number)
    kept = _first_of_each(labels, per_class) if per_class else np.arange(len(labels))
    pixels, labels = train.stacked()[kept], labels[kept]
    test_pixels = test.stacked()
    test_labels = np.array([number[name] for name in test.names], np.int64)

    def open_pixels(part: Part, geometry: Geometry) -> PixelSource:
        return ArrayImages(pixels if part == "train" else test_pixels, geometry)

    return Benchmark(
        title=_title(scale, names, pixels, test_pixels),
        data_set="cifar100",
        key=_key(pixels, labels, test_pixels, test_labels),
        labels=labels,
        test_labels=test_labels,
        class_names=names,
        image_keys=tuple(hashlib.sha256(image.tobytes()).hexdigest()[:32] for image in pixels),
        augmentation="affine",
        open_pixels=open_pixels,
        raw=pixels,
        superclasses=tuple(SUPERCLASSES[name] for name in names),
        human=None if human is None else human[kept],
    )


def _read_splits(
    folder: Path, scale: Scale, limits: IngestLimits, counted: Counted
) -> tuple[_Split, _Split]:
    plan = figure2_data.plan_of(folder, limits)
    splits = {"train": _Split(), "test": _Split()}
    by_number = sorted(SUPERCLASSES)
    for done, item in enumerate(read_source(plan, limits, lambda name, reason: None), start=1):
        split, label = splits.get(item.split or ""), item.raw_label or ""
        name = by_number[int(label)] if label.isdecimal() and int(label) < 100 else label
        if name not in SUPERCLASSES:
            raise DataError(f"{folder} has a class {name!r}, which CIFAR-100 has not")
        if split is not None:
            if scale == "full" or SUPERCLASSES[name] in SMALL:
                image = images.decode(item.data, limits=limits)
                split.images.append(np.asarray(image).transpose(2, 0, 1))
                split.names.append(name)
                split.indices.append(split.num_read)
            split.num_read += 1
        if done % EVERY == 0:
            counted(done)
    if not splits["train"].images or not set(splits["test"].names) >= set(splits["train"].names):
        raise DataError(
            f"{folder} lacks images to train or to test on in some class of the {scale} scale; "
            "give CIFAR-100 with both of its splits"
        )
    return splits["train"], splits["test"]


def _human(path: Path, train: _Split, number: Mapping[str, int]) -> Ints | None:
    """(N,) human labels, -1 outside the classes in use; None without a file.

    Raises:
        DataError: a line is not understood, or the clean labels are not those of the images.
    """
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = {int(line["index"]): line for line in csv.DictReader(file)}
        found = [lines[index]["human_label"] for index in train.indices]
        right = [lines[index]["clean_label"] for index in train.indices]
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{path} must have index, clean_label and human_label of every training image; "
            f"{error} is missing or wrong"
        ) from error
    if right != train.names:
        raise DataError(f"{path} names other classes than the images have; is the order official?")
    return np.array([number.get(name, -1) for name in found], np.int64)


def _first_of_each(labels: Ints, per_class: int) -> Ints:
    rows = [np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]
    return np.sort(np.concatenate(rows))


def _title(
    scale: Scale, names: Sequence[str], train: NDArray[np.uint8], test: NDArray[np.uint8]
) -> str:
    part = f"superclasses {', '.join(map(str, SMALL))}, " if scale == "small" else ""
    return f"CIFAR-100, {part}{len(names)} classes, {len(train):,} + {len(test):,} images"


def _key(*arrays: NDArray[np.generic]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"cifar100-{digest.hexdigest()[:24]}"
