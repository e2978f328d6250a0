"""Which data set a row needs, and where it lies."""

from dataclasses import replace
from pathlib import Path

from turn_core.config import IngestLimits
from turn_core.errors import DataError
from turn_core.experiments.reproduce.benchmark import Benchmark, Counted, read_cifar100
from turn_core.experiments.reproduce.photos import read_photos
from turn_core.experiments.reproduce.plan import GIVEN, NOISES, Row, Scale
from turn_core.ingest.source import SourceForm

CIFAR = "cifar100"
TITLES = {CIFAR: "CIFAR-100", "clothing1m": "Clothing1M", "webvision": "WebVision"}
FORMS = {
    "clothing1m": (SourceForm.CLOTHING1M,),
    "webvision": (SourceForm.WEBVISION, SourceForm.WEBVISION_MINI),
}
SMALL_PER_CLASS = 100
"""Training images of every class at small scale, of the photographs."""


def data_set_of(row: Row) -> str:
    """Return the data set of a row: one of TITLES."""
    return row.noise if NOISES[row.noise].kind == GIVEN else CIFAR


def open_benchmark(
    name: str,
    data: Path | None,
    *,
    scale: Scale,
    per_class: int,
    cache: Path,
    limits: IngestLimits,
    counted: Counted,
) -> Benchmark:
    """Return a data set from `data`, or from the folder of its name in there.

    Raises:
        DataError: there is none, or it is another one.
        ResourceError: the disk has no room for decoded photographs.
    """
    if data is None:
        raise DataError("no folder of images was given; name it with --data")
    folder = data / name if (data / name).is_dir() else data
    if name == CIFAR:
        return read_cifar100(
            folder, scale=scale, per_class=per_class, limits=limits, counted=counted
        )
    many = replace(limits, entries=10_000_000, total_bytes=10**13, directory_bytes=2**32)
    wanted = per_class or (SMALL_PER_CLASS if scale == "small" else 0)
    return read_photos(
        folder, name, FORMS[name], per_class=wanted, cache=cache, limits=many, counted=counted
    )
