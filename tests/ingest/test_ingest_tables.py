from dataclasses import replace

import pandas as pd
import pytest
from ingest_sources import LIMITS

from turn_core.errors import IngestError
from turn_core.ingest.columns import ImageIndex, guess_roles
from turn_core.ingest.container import ItemRefused
from turn_core.ingest.folder import FolderContainer
from turn_core.ingest.tables import Row, Table

EXACT = ["NA", "None", "null", "nan", "N/A", "007", "7", "1e5", " Cat", "Cat ", "true", "=1+1"]
EXACT += ["a,b", 'say "hi"', "two\nlines", "café", "cafe\u0301", "\u202eodd", "-0"]


@pytest.fixture
def table_of(tmp_path):
    """A function that writes one table and returns (rows, refused, table)."""

    def read(name, content, *, limits=LIMITS, used=None):
        path = tmp_path / name
        content(path) if callable(content) else path.write_bytes(content)
        refused = []
        with FolderContainer(tmp_path, limits, "photos") as container:
            table = Table(container, name)
            rows = list(table.rows(used or table.columns, lambda *item: refused.append(item)))
        return rows, refused, table

    return read


def labels(rows):
    return [row.cell("label", LIMITS) for row in rows]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv__keeps_labels_exactly(table_of, separator):
    frame = pd.DataFrame({"file_name": map(str, range(len(EXACT))), "label": EXACT})

    rows, refused, table = table_of("t.csv", frame.to_csv(index=False, sep=separator).encode())

    assert table.columns == ("file_name", "label")
    assert labels(rows) == EXACT
    assert refused == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marked_encodings__are_read(table_of, encoding):
    rows, _, _ = table_of("t.csv", "label\ncafé\n".encode(encoding))

    assert labels(rows) == ["café"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_unmarked_encodings__are_asked_for_as_utf8(table_of, encoding):
    with pytest.raises(IngestError, match=r"t.csv is not UTF-8 text .* save it as UTF-8"):
        table_of("t.csv", ("label\n" + "cat\n" * 9000 + "café\n").encode(encoding))


def test_bad_csv_rows__are_refused_by_line(table_of):
    text = 'file_name,label\na.png,cat\nb.png\nc.png,dog,extra\n"d"x,cat\n\ne.png,owl\n'

    rows, refused, _ = table_of("t.csv", text.encode())

    assert labels(rows) == ["cat", "owl"]
    assert [ref for ref, _ in refused] == ["t.csv line 3", "t.csv line 4", "t.csv line 5"]
    assert refused[0][1] == "it has 1 cells, the header has 2"
    assert rows[1].ref == "t.csv line 7"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n", "t.csv is empty; its first line must name the columns"),
        (b"label,label\na,b\n", "names the column label more than once"),
        (b"label\n" + b"x" * 1_100_000, "a line of over 1,048,576 characters"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8 text"),
        (b'label,"note" x\ncat,1\n', "t.csv cannot be read: ',' expected after"),
        (b"x" * 200_000 + b"\ncat\n", "t.csv cannot be read: field larger than"),
    ],
)
def test_unusable_csv__is_refused_in_one_sentence(table_of, content, message):
    with pytest.raises(IngestError, match=message):
        table_of("t.csv", content)


def test_cells_that_cannot_be_stored__are_refused():
    for value in ("x" * 32_001, "a\0b", "\ud800", 1.5, True, ["cat"]):
        with pytest.raises(ItemRefused, match="its label"):
            Row("t.csv line 2", {"label": value}).cell("label", LIMITS)
    assert Row("", {"label": None}).cell("label", LIMITS) is None
    assert Row("", {"label": "cat"}).cell("", LIMITS) is None


def test_limits__name_themselves(table_of):
    with pytest.raises(IngestError, match="over 2 rows"):
        table_of("t.csv", b"label\na\nb\nc\n", limits=replace(LIMITS, table_rows=2))
    with pytest.raises(IngestError, match="over the limit of 5 for a table"):
        table_of("t.csv", b"label\na\nb\nc\n", limits=replace(LIMITS, table_bytes=5))


def test_missing_column__is_named(table_of):
    with pytest.raises(IngestError, match=r"t\.csv has no column class; its columns are a, b"):
        table_of("t.csv", b"a,b\n1,2\n", used=["class"])


def test_jsonl__keeps_texts_and_integers_exactly(table_of):
    lines = ['{"label": "007"}', '{"label": 7}', '{"label": -0}', '{"label": null}', "{}"]
    lines += ['{"label": ""}', '{"label": 12345678901234567890123}', '{"label": "\\u00e9"}']

    rows, refused, _ = table_of("t.jsonl", "\n".join(lines).encode())

    assert labels(rows) == ["007", "7", "-0", None, None, "", "12345678901234567890123", "é"]
    assert refused == []


def test_bad_jsonl_rows__are_refused_by_line(table_of):
    lines = ['{"label": "a"}', "{", "[1]", '"x"', "[" * 100_000, '{"label": "b"}']

    rows, refused, _ = table_of("t.jsonl", "\n".join(lines).encode())

    assert labels(rows) == ["a", "b"]
    assert [ref.rpartition(" ")[2] for ref, _ in refused] == ["2", "3", "4", "5"]


def test_jsonl_label_of_another_type__is_refused_not_taken_for_missing(table_of):
    rows, _, _ = table_of("t.jsonl", b'{"label": 1.0}\n{"label": true}\n{"label": ["a"]}\n')

    for row in rows:
        with pytest.raises(ItemRefused, match="neither a text nor an integer"):
            row.cell("label", LIMITS)


def test_parquet__keeps_labels_exactly(table_of):
    frame = pd.DataFrame({"label": EXACT, "number": range(len(EXACT))})
    frame["kind"] = pd.Categorical(["x", None] * 9 + ["y"])

    rows, _, table = table_of("t.parquet", lambda path: frame.to_parquet(path))

    assert labels(rows) == EXACT
    assert [row.cell("number", LIMITS) for row in rows[:2]] == ["0", "1"]
    assert [row.cell("kind", LIMITS) for row in rows[:3]] == ["x", None, "x"]
    assert table.num_rows == len(EXACT)


def test_parquet_label_of_floats__is_refused_with_its_type(table_of):
    frame = pd.DataFrame({"label": [0.0, 1.0, None]})

    with pytest.raises(IngestError, match=r"the column label of t\.parquet holds double values"):
        table_of("t.parquet", lambda path: frame.to_parquet(path))


IMAGES = dict.fromkeys(["photos/a.png", "photos/b.png", "photos/sub/b.png", "photos/c.tar.png"])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *(("a.png", "photos/a.png"), ("./a.png", "photos/a.png"), ("a", "photos/a.png")),
        *(("photos/a.png", "photos/a.png"), ("sub/b.png", "photos/sub/b.png")),
        *(("sub/b", "photos/sub/b.png"), ("c.tar", "photos/c.tar.png"), ("b.png", "photos/b.png")),
        *(("z.png", ""), ("hotos/a.png", ""), ("", ""), ("png", ""), (".png", "")),
    ],
)
def test_image_of_a_cell__is_found(value, found):
    assert ImageIndex(IMAGES, "photos/labels.csv").find(value)[0] == found


def test_ambiguous_image_of_a_cell__is_not_guessed():
    path, reason = ImageIndex(IMAGES, "labels.csv").find("b.png")

    assert (path, reason) == ("", "several images fit its name")


def test_thousands_of_images_of_one_name__do_not_take_for_ever():
    images = {f"d{i}/{i}/1.png": 1 for i in range(20_000)}
    index = ImageIndex(images, "labels.csv")

    assert [index.find(f"q{i}/1.png")[0] for i in range(20_000)] == [""] * 20_000


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (["file_name", "label"], ("file_name", "label", "", "")),
        (["Label", "File Name", "Split"], ("File Name", "Label", "", "Split")),
        (["x", "img", "class", "true_label"], ("img", "class", "true_label", "")),
        (["path", "clean_label", "human_label"], ("path", "human_label", "clean_label", "")),
        (["path", "clean_label"], ("path", "clean_label", "", "")),
        (["file_name", "split", "given_label", "label"], ("file_name", "label", "", "split")),
        (["file_name", "width"], ("file_name", "", "", "")),
    ],
)  # fmt: skip
def test_roles__are_guessed_from_names_and_values(columns, roles):
    image = roles[0]
    samples = {column: ["a.png"] if column == image else ["3"] for column in columns}

    guessed = guess_roles(samples, lambda value: value == "a.png")

    assert (guessed.image, guessed.label, guessed.true_label, guessed.split) == roles


def test_image_column__is_found_by_its_values_under_any_name():
    samples = {"file_name": ["nothing.png"], "foto": ["a.png"], "label": ["cat"]}

    assert guess_roles(samples, lambda value: value == "a.png").image == "foto"
