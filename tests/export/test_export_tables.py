import csv
import io
import json
import os
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
from export_rows import HOSTILE, row

from turn_core.export import columns, tables
from turn_core.export.formats import ExportFormat

ROWS = [row(i, label) for i, label in enumerate(HOSTILE, start=1)]


def _csv(rows) -> bytes:
    file = io.BytesIO()
    tables.write_csv(rows, file)
    return file.getvalue()


def test_columns__are_those_of_the_format_in_order():
    assert ",".join(columns.COLUMN_NAMES) == (
        "sample_id,file_name,sha256,split,given_label,label,corrected_label,action,status,"
        "is_label_issue,label_score,clean_probability,loss,predicted_label,suggested_label,"
        "suggested_label_confidence,p_given_label,selected_by_turn,near_duplicate_set,is_outlier,"
        "annotator,reviewed_at,seconds_spent,bulk,num_annotations,annotator_agreement,"
        "consensus_label,run_id,gmm_fallback,tau,note"
    )


def test_csv__python_and_pandas_read_hostile_labels_exactly():
    data = _csv(ROWS)
    read = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)

    assert [r["given_label"] for r in read] == list(HOSTILE)
    assert [r["file_name"] for r in read] == [r["file_name"] for r in ROWS]
    assert list(frame["label"]) == list(HOSTILE)
    assert list(read[0]) == list(columns.COLUMN_NAMES)


def test_csv__by_hand():
    line = _csv([row(7, 'a"b', clean_probability=0.1, bulk=True, reviewed_at=0.25)])
    body = line.decode().splitlines()[1]

    assert body.startswith('7,"a""b/7.png","')
    assert ',"a""b","a""b",,"none","pending",' in body
    assert "0.1" in body.split(",")
    assert "1970-01-01T00:00:00.250Z" in body
    assert body.split(",")[columns.COLUMN_NAMES.index("bulk")] == "true"


def test_jsonl__every_sample_is_one_line_for_every_reader():
    file = io.BytesIO()
    assert tables.write_jsonl(ROWS, file) == len(HOSTILE)
    text = file.getvalue().decode()

    assert len(text.splitlines()) == len(HOSTILE)  # str.splitlines also splits at U+2028, U+0085
    read = [json.loads(line) for line in text.splitlines()]
    assert [r["given_label"] for r in read] == list(HOSTILE)
    assert list(read[0]) == list(columns.COLUMN_NAMES)


def test_parquet__keeps_labels_types_and_the_schema(tmp_path):
    document = columns.schema_document(num_rows=2, labels_sha256="f" * 64, project="p", run_id=None)
    path = tmp_path / "labels.parquet"
    with path.open("wb") as file:
        count = tables.write_parquet(
            [*ROWS, row(99, None, clean_probability=0.5, reviewed_at=1.5)], file, document
        )
    table = pq.read_table(path)

    assert count == len(HOSTILE) + 1
    assert table.column_names == list(columns.COLUMN_NAMES)
    assert table["label"].to_pylist() == [*HOSTILE, None]
    assert table["clean_probability"][-1].as_py() == 0.5
    assert table["reviewed_at"][-1].as_py().timestamp() == 1.5
    assert json.loads(table.schema.metadata[b"turn_audit_schema"]) == document
    assert table.schema.field("label_score").metadata[b"direction"] == b"low is bad"


def test_spreadsheet__no_cell_starts_a_formula_and_the_note_says_what_changed():
    file = io.BytesIO()
    tables.write_csv_for_spreadsheets(ROWS, file)
    data = file.getvalue()
    read = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))

    assert data.startswith(b"\xef\xbb\xbf")
    assert not [v for r in read for v in r.values() if v[:1] and v[:1] in "=+-@\t\r\n＝＋－＠"]
    by_label = {r["label"]: r["note"] for r in read}
    assert "a ' was put before" in by_label["'=SUM(1)"]
    assert "given_label, label" in by_label["'=SUM(1)"]
    assert by_label["Cat"] == ""


def test_spreadsheet__keeps_a_note_that_was_there():
    escaped = tables.escape_formulas(row(1, "=1", note="unreadable image"))
    assert escaped["note"].startswith("unreadable image; a ' was put before")


def test_tables__do_not_depend_on_the_time_zone(monkeypatch):
    here = _csv([row(1, "a", reviewed_at=1_700_000_000.123)])
    monkeypatch.setitem(os.environ, "TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert _csv([row(1, "a", reviewed_at=1_700_000_000.123)]) == here
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("kind", list(tables.TABLE_WRITERS))
def test_tables__stream_their_rows(kind):
    taken = 0

    def rows():
        nonlocal taken
        for i in range(20_000):
            taken = i
            yield row(i, "a")

    class FullDisk(io.BytesIO):
        def write(self, data):
            if taken > 9_000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    with pytest.raises(OSError, match="No space left"):
        tables.TABLE_WRITERS[kind](rows(), FullDisk())
    assert taken < 19_999  # the writer met the full disk before it had all rows


def test_tables__every_table_format_has_a_writer_and_a_schema():
    from turn_core.export.formats import FORMATS

    assert {f for f, info in FORMATS.items() if info.has_schema} == set(tables.TABLE_WRITERS)
    assert set(FORMATS) == set(ExportFormat)
