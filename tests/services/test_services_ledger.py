"""The ledger: looked through with filters, page by page, and as files to the letter."""

import csv
import io
import uuid

import pyarrow.parquet as pq
import pytest

from turn_core.services import ledger, projects, review, samples
from turn_core.services.ledger import LedgerFilter
from turn_core.types import Action, DecisionRequest


@pytest.fixture
def project_id(workspace, make_project):
    return make_project(num_samples=6)


@pytest.fixture
def decided(workspace, project_id):
    """Ann keeps three, one by one; Ben excludes two at once, and takes them back."""
    ids = [int(i) for i in samples.label_snapshot(workspace, project_id).sample_ids]
    for sample_id in ids[:3]:
        keep = request(sample_id, Action.KEEP)
        review.record(workspace, project_id, [keep], actor="ann")
    pair = [request(sample_id, Action.EXCLUDE, queue="pair") for sample_id in ids[3:5]]
    review.record_bulk(workspace, project_id, pair, actor="=ben", batch_key="a batch of two")
    review.undo_batch(
        workspace, project_id, "a batch of two", undo_key="its own undo", actor="=ben"
    )
    return ids


def request(sample_id, action, queue="worst_first"):
    return DecisionRequest(
        sample_id=sample_id, version=0, action=action, idem_key=uuid.uuid4().hex, queue=queue,
        seconds_spent=1.5,
    )  # fmt: skip


def actions(page):
    return [event.action for event in page.events]


def test_newest_come_first_page_by_page(workspace, project_id, decided):
    first = ledger.browse(workspace, project_id, limit=4)
    assert first.total == 7
    assert actions(first) == [Action.UNDO, Action.UNDO, Action.EXCLUDE, Action.EXCLUDE]
    second = ledger.browse(workspace, project_id, before=first.events[-1].event_id, limit=4)
    assert actions(second) == [Action.KEEP] * 3


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (LedgerFilter(actor="ann"), 3),
        (LedgerFilter(action=Action.EXCLUDE), 2),
        (LedgerFilter(bulk=False), 3),
        (LedgerFilter(bulk=True, action=Action.UNDO), 2),
        (LedgerFilter(queue="pair", actor="ann"), 0),
        (LedgerFilter(run_id=7), 0),
    ],
)
def test_filters_combine(workspace, project_id, decided, wanted, number):
    page = ledger.browse(workspace, project_id, wanted)
    assert (page.total, len(page.events)) == (number, number)


def test_people_and_queues_that_occur_are_offered(workspace, project_id, decided):
    people, queues = ledger.people_and_queues(workspace, project_id)
    assert people == ["=ben", "ann"]
    assert queues == ["pair", "worst_first"]


def test_csv_has_every_decision_once_the_oldest_first(workspace, project_id, decided, monkeypatch):
    monkeypatch.setattr(ledger, "LINES_AT_ONCE", 2)  # several reads
    rows = list(csv.DictReader(ledger.csv_lines(workspace, project_id)))
    assert [row["action"] for row in rows] == ["keep"] * 3 + ["exclude"] * 2 + ["undo"] * 2
    assert [int(row["sample_id"]) for row in rows[:5]] == decided[:5]
    assert rows[4]["actor"] == "=ben"
    assert rows[4]["batch_key"] == "a batch of two"
    names = {info.name for info in projects.classes(workspace, project_id)}
    assert rows[0]["class_name"] in names


def test_csv_for_spreadsheets_runs_no_formula(workspace, project_id, decided):
    lines = list(
        ledger.csv_lines(workspace, project_id, LedgerFilter(actor="=ben"), for_spreadsheets=True)
    )
    rows = list(csv.DictReader(line.removeprefix("\ufeff") for line in lines))
    assert {row["actor"] for row in rows} == {"'=ben"}
    assert "actor" in rows[0]["note"]


def test_parquet_holds_the_same_rows_with_their_types(workspace, project_id, decided):
    file = io.BytesIO()
    assert ledger.parquet(workspace, project_id, file, LedgerFilter(actor="=ben")) == 4
    table = pq.read_table(file)
    assert table.column_names == list(ledger.COLUMNS)
    assert str(table.schema.field("at").type) == "timestamp[ms, tz=UTC]"
    rows = list(csv.DictReader(ledger.csv_lines(workspace, project_id, LedgerFilter(actor="=ben"))))
    found = table.to_pylist()
    assert [str(row["event_id"]) for row in found] == [row["event_id"] for row in rows]
    assert [row["action"] for row in found] == ["exclude"] * 2 + ["undo"] * 2
    assert found[0]["bulk"] is True
    assert found[0]["class_name"] == rows[0]["class_name"]
