"""Features, labels and splits that a person brings as files, of samples without images.

N samples, D feature dimensions. Arrays come as .npy, .npz or .safetensors, tables as Parquet, CSV
or JSON Lines. Rows of both files are matched by file name where both have names, else by their
order. Nothing is unpickled.
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from turn_core.config import IngestLimits
from turn_core.errors import DataError
from turn_core.experiments.study_data import Candidates
from turn_core.ingest.columns import IMAGE_NAMES, LABEL_NAMES, SPLIT_NAMES, TRUE_LABEL_NAMES
from turn_core.ingest.single_file import SingleFile
from turn_core.ingest.tables import Table
from turn_core.store.arrays import array_names, load_array

ARRAYS, TABLES = (".npy", ".npz", ".safetensors"), (".parquet", ".csv", ".jsonl", ".ndjson")
ROLES: Mapping[str, Sequence[str]] = {
    "labels": LABEL_NAMES,
    "true_labels": TRUE_LABEL_NAMES,
    "splits": ("splits", *SPLIT_NAMES),
    "names": ("names", *IMAGE_NAMES),
}
"""What a column or array may be called, by what it is for."""
FEATURE_NAMES = ("features", "feature", "embeddings", "embedding", "x")

Floats = NDArray[np.float32]
Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Brought:
    """What one file has, or two together; None for what is not there. All of one length."""

    features: Floats | None = None
    """(N, D)."""
    labels: Texts | None = None
    true_labels: Texts | None = None
    """An empty text where the true label is not known."""
    splits: Texts | None = None
    names: Texts | None = None

    def __len__(self) -> int:
        """Return N."""
        known = (self.features, self.labels, self.true_labels, self.splits, self.names)
        return next((len(column) for column in known if column is not None), 0)


def read_features(features: Path, labels: Path | None) -> Brought:
    """Return features with a label each, from one file that has both or from two.

    Raises:
        DataError: a file cannot be read, lacks features or labels, or the two do not fit.
    """
    found = _read(features)
    wide = found.features
    if wide is None:
        raise DataError(
            f"{features.name} has no features: give an array (N, D), a column of lists, or one "
            "column of numbers per dimension"
        )
    if labels is not None:
        found = _joined(found, _read(labels), features, labels)
    if found.labels is None:
        raise DataError(
            f"{(labels or features).name} has no labels: give a column or array called 'label', or "
            "another file with --labels"
        )
    bad = np.flatnonzero(~np.isfinite(wide).all(axis=1))
    if len(bad):
        raise DataError(
            f"{features.name} holds NaN or infinity, first in row {bad[0] + 1}; mend it"
        )
    return found


def as_candidates(found: Brought) -> tuple[Candidates, Texts]:
    """Return the samples of features with labels, and the names of their classes in order."""
    assert found.labels is not None  # read_features has checked it
    size, true = len(found), found.true_labels or ("",) * len(found)
    classes = _in_order({*found.labels, *true} - {""})
    index = {name: place for place, name in enumerate(classes)} | {"": -1}
    labels = np.array([index[name] for name in found.labels], np.int64)
    candidates = Candidates(
        ids=np.arange(size),
        labels=labels,
        true=np.array([index[name] for name in true], np.int64),
        trusted=np.zeros(size, np.bool_),
        usable=labels >= 0,
        split=found.splits or (None,) * size,
        image_keys=[str(row) for row in range(size)],
    )
    return candidates, classes


def _read(path: Path) -> Brought:
    suffix = path.suffix.lower()
    if suffix not in ARRAYS + TABLES:
        raise DataError(
            f"{path.name} is none of {', '.join(ARRAYS + TABLES)}; save features or labels as one"
        )
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    try:
        found = _arrays(path) if suffix in ARRAYS else _table(path)
    except (OSError, ValueError, zipfile.BadZipFile, pa.ArrowException) as error:
        if isinstance(error, DataError):
            raise
        reason = (str(error).strip().splitlines() or ["it is damaged"])[0]
        raise DataError(f"{path.name} cannot be read ({reason[:160]}); write it again") from error
    columns = (found.features, found.labels, found.true_labels, found.splits, found.names)
    sizes = {len(column) for column in columns if column is not None}
    if len(sizes) > 1 or 0 in sizes:
        raise DataError(
            f"{path.name} has columns of {' and '.join(map(str, sorted(sizes)))} rows; give one "
            "row for each sample in all of them"
        )
    return found


def _arrays(path: Path) -> Brought:
    arrays: dict[str, NDArray[Any]]
    if path.suffix.lower() == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"features" if array.ndim == 2 else "labels": array}
    elif path.suffix.lower() == ".npz":
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    else:
        arrays = {name: load_array(path, name) for name in array_names(path)}
    flat = [name for name in arrays if arrays[name].ndim == 1]
    wide = [name for name in arrays if arrays[name].ndim == 2]
    name = _named(wide, FEATURE_NAMES) or (wide[0] if len(wide) == 1 else None)
    found = Brought(features=_floats(arrays[name]) if name else None)
    columns = {role: _named(flat, known) for role, known in ROLES.items()}
    if columns["labels"] is None and len(flat) == 1 and not any(columns.values()):
        columns["labels"] = flat[0]
    texts: dict[str, Any] = {role: _texts(arrays[at]) for role, at in columns.items() if at}
    return replace(found, **texts)


def _table(path: Path) -> Brought:
    """Read a table; only Parquet holds features."""
    features = _parquet_features(path) if path.suffix.lower() == ".parquet" else None
    refused: list[str] = []
    limits = IngestLimits()
    with SingleFile(path, limits, path.name) as file:
        (member,) = file.catalog.tables
        table = Table(file, member)
        known = table.text_columns
        roles = {r: at for r, names in ROLES.items() if (at := _named(known, names)) is not None}
        rows: list[list[str | None]] = [
            [row.cell(column, limits) for column in roles.values()]
            for row in table.rows(
                list(roles.values()), lambda name, reason: refused.append(f"{name}: {reason}")
            )
        ] if roles else []  # fmt: skip
    if refused:
        raise DataError(f"{path.name} has rows that cannot be read, first {refused[0]}; mend it")
    texts = {role: tuple(row[n] or "" for row in rows) for n, role in enumerate(roles)}
    return Brought(features=features, **texts) if texts else Brought(features=features)


def _parquet_features(path: Path) -> Floats | None:
    """A column of lists of numbers, else all columns of fractions, in their order."""
    schema = pq.read_schema(path)
    lists = [field.name for field in schema if _is_list(field.type)]
    name = _named(lists, FEATURE_NAMES) or (lists[0] if len(lists) == 1 else None)
    if name is not None:
        column = pq.read_table(path, columns=[name]).column(name).combine_chunks()
        widths = set(pa.compute.list_value_length(column).to_pylist())
        if len(widths) != 1 or None in widths:
            raise DataError(f"the lists of column {name!r} in {path.name} have several lengths")
        return _floats(column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1))
    numbers = [field.name for field in schema if pa.types.is_floating(field.type)]
    if not numbers:
        return None
    table = pq.read_table(path, columns=numbers)
    columns = [table.column(name).to_numpy() for name in numbers]
    return _floats(np.stack(columns, axis=1))


def _joined(found: Brought, other: Brought, features: Path, labels: Path) -> Brought:
    """Put the columns of the second file beside the features of the first."""
    order = np.arange(len(other))
    if found.names is not None and other.names is not None:
        place = {name: row for row, name in enumerate(other.names)}
        if len(place) < len(other.names):
            twice = next(n for row, n in enumerate(other.names) if place[n] != row)
            raise DataError(f"{labels.name} names {twice[:80]!r} more than once; name each once")
        missing = [name for name in found.names if name not in place]
        if missing:
            raise DataError(
                f"{labels.name} has no row for {missing[0][:80]!r} and {len(missing) - 1:,} other "
                f"samples of {features.name}; add them"
            )
        order = np.array([place[name] for name in found.names])
    elif len(found) != len(other):
        raise DataError(
            f"{features.name} has {len(found):,} rows, {labels.name} {len(other):,}; without file "
            "names in both their rows must be the same samples in the same order"
        )
    columns = {role: getattr(other, role) for role in ROLES if role != "names"}
    known: dict[str, Any] = {
        role: tuple(column[row] for row in order) for role, column in columns.items() if column
    }
    return replace(found, **known)


def _named(present: Iterable[str], wanted: Sequence[str]) -> str | None:
    by_name = {name.strip().lower(): name for name in present}
    return next((by_name[name] for name in wanted if name in by_name), None)


def _is_list(kind: Any) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists or pa.types.is_large_list(kind)) and bool(
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )


def _floats(array: NDArray[Any]) -> Floats:
    if array.dtype.kind not in "fiu" or array.ndim != 2 or not array.shape[1]:
        raise DataError(
            f"features must be numbers of shape (N, D), got {array.dtype} {array.shape}"
        )
    return np.ascontiguousarray(array, np.float32)


def _texts(array: NDArray[Any]) -> Texts:
    if array.dtype.kind not in "iuUSb":
        raise DataError(f"labels, splits and names must be texts or integers, got {array.dtype}")
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return tuple(str(value) for value in array.tolist())


def _in_order(names: set[str]) -> Texts:
    """Whole numbers by size, else texts by their letters."""
    if all(name.lstrip("-").isdecimal() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))
