"""A ZIP that `datasets.load_dataset("imagefolder")` reads: images and a `metadata.jsonl`.

Images get numbers for names: that loader takes a word such as `train` or `test` anywhere in a path
for a split, and would drop the rest (CIFAR-100 has a class `train`). It also takes every key that
ends in `_file_name` for another image, so no key may.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from turn_core.export import archive, names, tables
from turn_core.export.archive import Archive, BlobPath, Lines, Written
from turn_core.export.class_folders import LEFT_OUT, left_out_line
from turn_core.export.columns import Row

METADATA = "metadata.jsonl"
METADATA_KEYS = (
    "file_name",
    "label",
    "given_label",
    "split",
    "status",
    "clean_probability",
    "suggested_label",
    "original_name",
    "sample_id",
    "sha256",
)
"""Keys of each line; `file_name` is relative to the metadata file, as the loader wants it."""


def write_imagefolder(
    rows: Iterable[Row],
    file: IO[bytes],
    *,
    blob: BlobPath,
    include_excluded: bool = False,
    scratch: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Written:
    """Write `images/<number>.<suffix>` and one `metadata.jsonl`; splits are a key of its lines.

    Arguments and result are those of `class_folders.write_class_folders`.
    """
    written = Written()
    with Archive(file) as target, Lines(scratch) as metadata, Lines(scratch) as left_out:
        for row, data in archive.images(rows, blob, include_excluded=include_excluded):
            check()
            if isinstance(data, str):
                left_out.add(left_out_line(row, data))
                written.leave_out(data)
                continue
            suffix = names.image_suffix(str(row["file_name"]), data[:12])
            path = f"images/{row['sample_id']:08}{suffix}"
            target.add_bytes(path, data)
            metadata.add(_metadata_line(row, path))
            written.num_rows += 1
        metadata.write_to(target, METADATA, check)
        if left_out.count:
            left_out.write_to(target, LEFT_OUT, check)
    return written


def _metadata_line(row: Row, path: str) -> str:
    record = {**row, "file_name": path, "original_name": row["file_name"]}
    return tables.json_line({key: record.get(key) for key in METADATA_KEYS})
