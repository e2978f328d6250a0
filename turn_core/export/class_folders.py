"""The images as `<class>/<image>` in a ZIP, with `labels.csv` that keeps the original names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from turn_core.export import archive, names, tables
from turn_core.export.archive import Archive, BlobPath, Lines, Written
from turn_core.export.columns import Row

LABELS = "labels.csv"
LEFT_OUT = "left_out.txt"
LABEL_COLUMNS = (
    "file_name",
    "label",
    "given_label",
    "split",
    "status",
    "original_name",
    "sample_id",
    "sha256",
)
"""Columns of `labels.csv`; `file_name` is the path inside the ZIP, names and labels are exact."""


def write_class_folders(
    rows: Iterable[Row],
    file: IO[bytes],
    *,
    class_names: Sequence[str],
    blob: BlobPath,
    include_excluded: bool = False,
    scratch: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Written:
    """Write every labelled sample below the folder of its final label.

    Args:
        rows: label rows; their `label` is one of `class_names` or None.
        file: an open, seekable binary file.
        class_names: exact names of all classes.
        blob: gives the file of an image by its SHA-256; nothing else is ever opened.
        include_excluded: also write samples that review excluded.
        scratch: folder for what cannot be kept in memory; None is the system's.
        check: called between pieces; what it raises stops the writing.

    Returns:
        How many samples were written, and how many were left out for which reason; the ZIP lists
        the latter one by one in `left_out.txt`.
    """
    written = Written()
    folders = folder_names(class_names)
    inside = {folder: names.Names() for folder in folders.values()}
    with Archive(file) as target, Lines(scratch) as labels, Lines(scratch) as left_out:
        labels.add(",".join(LABEL_COLUMNS) + "\n")
        for row, data in archive.images(rows, blob, include_excluded=include_excluded):
            check()
            if isinstance(data, str):
                left_out.add(left_out_line(row, data))
                written.leave_out(data)
                continue
            folder = folders[str(row["label"])]
            path = f"{folder}/{_image_name(inside[folder], str(row['file_name']), data)}"
            target.add_bytes(path, data)
            labels.add(_label_line(row, path))
            written.num_rows += 1
        labels.write_to(target, LABELS, check)
        if left_out.count:
            left_out.write_to(target, LEFT_OUT, check)
    return written


def folder_names(class_names: Sequence[str]) -> Mapping[str, str]:
    """Map each class to a safe folder; a class whose name is safe as it is keeps it."""
    given = names.Names(taken=(LABELS, LEFT_OUT))
    safe_first = sorted(class_names, key=lambda name: names.safe_name(name) != name)
    return {name: given.unique(name) for name in safe_first}


def left_out_line(row: Row, reason: str) -> str:
    """Return one JSON line about a sample that is not in an archive."""
    return tables.json_line(
        {
            "original_name": row["file_name"],
            "sample_id": row["sample_id"],
            "label": row["label"],
            "reason": reason,
        }
    )


def _image_name(given: names.Names, file_name: str, data: bytes) -> str:
    base = file_name.replace("\\", "/").rpartition("/")[2]
    stem, dot, _ = base.rpartition(".")
    return given.unique(stem if dot else base, names.image_suffix(base, data[:12]))


def _label_line(row: Row, path: str) -> str:
    record = {**row, "file_name": path, "original_name": row["file_name"]}
    return tables.csv_line([record[name] for name in LABEL_COLUMNS])
