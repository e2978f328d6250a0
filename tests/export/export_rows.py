"""Rows and names that the export tests share."""

import hashlib
from pathlib import Path

HOSTILE = (
    "NA",
    "null",
    "007",
    "1e5",
    " Cat",
    "Cat",
    "cat",
    "CAT ",
    "=SUM(1)",
    "+1",
    "-1",
    "@x",
    "＝1",
    "\ttab",
    "two\nlines",
    "carriage\rreturn",
    "line\u2028separator\x85next",
    'say "hi", twice',
    "'quoted'",
    "a,b;c",
    "back\\slash/slash",
    "../../etc/passwd",
    "con",
    "NUL.txt",
    "dot.",
    "emoji 👩‍👩‍👧",
    "\u05d7\u05ea\u05d5\u05dc",
    "right\u202egnp.exe",
    "caf\u00e9",
    "cafe\u0301",
    "straße",
    "STRASSE",
    "kelvin K",
    "kelvin \u212a",
    "%2e%2e",
    "{}",
    "[1]",
    "true",
    "labels.csv",
    "train",
    "__MACOSX",
    ".hidden",
    "x" * 200,
)
"""Texts that some reader or file system would change, confuse or run."""

PNG = b"\x89PNG\r\n\x1a\n"


def row(sample_id: int, label: str | None, **changes: object) -> dict[str, object]:
    """Return a pending sample with the label `label`."""
    return {
        "sample_id": sample_id,
        "file_name": f"{label}/{sample_id}.png",
        "sha256": hashlib.sha256(image(sample_id)).hexdigest(),
        "split": None,
        "given_label": label,
        "label": label,
        "corrected_label": None,
        "action": "none",
        "status": "pending",
        "clean_probability": None,
        "suggested_label": None,
    } | changes


def image(sample_id: int) -> bytes:
    """Return bytes that start like a PNG, different for each sample."""
    return PNG + str(sample_id).encode()


def write_blobs(folder: Path, sample_ids: range) -> None:
    """Write the image of each sample under its hash."""
    for sample_id in sample_ids:
        data = image(sample_id)
        (folder / hashlib.sha256(data).hexdigest()).write_bytes(data)
