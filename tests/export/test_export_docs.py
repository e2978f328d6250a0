"""docs/formats.md names every format, every column and every archive member as they are."""

from pathlib import Path

from turn_core.export import class_folders, imagefolder
from turn_core.export.columns import COLUMNS
from turn_core.export.formats import FORMATS

TEXT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_docs__columns_in_order_with_their_meaning():
    names = {column.name for column in COLUMNS}
    rows = [line.strip("|").split("|") for line in TEXT.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row] for row in rows]
    found = [
        (name.strip("`"), kind, meaning.partition(" *")[0])
        for name, kind, meaning, *_ in cells
        if name.strip("`") in names
    ]
    assert found == [(c.name, c.kind, c.meaning) for c in COLUMNS]


def test_docs__formats_and_their_files():
    for kind, info in FORMATS.items():
        assert f"| `{kind}` | `{info.file_name}` |" in TEXT


def test_docs__archive_columns():
    assert ", ".join(class_folders.LABEL_COLUMNS) in TEXT
    assert ", ".join(imagefolder.METADATA_KEYS) in TEXT
