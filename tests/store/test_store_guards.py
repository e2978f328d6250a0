"""What the database itself refuses, whatever the code does."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from turn_core.services import audits, projects, review, samples
from turn_core.types import Action, DecisionRequest, ReviewSettings

EVENT = (
    "INSERT INTO label_event (project_id, sample_id, seq, action, class_id, prev_class_id, status,"
    " prev_status, undoes, actor, at, bulk, queue, idem_key, payload_sha256) VALUES ({project},"
    " {sample}, {seq}, '{action}', {class_id}, NULL, 'kept', 'pending', NULL, 'ann', 1,"
    " false, 'q', '{key}', 'x')"
)


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=3)


@pytest.fixture
def sample_id(workspace, project_id):
    found = int(samples.label_snapshot(workspace, project_id).sample_ids[0])
    keep = DecisionRequest(sample_id=found, version=0, action=Action.KEEP, idem_key="k")
    review.record(workspace, project_id, [keep], actor="ann")
    return found


def refused(workspace, statement):
    with pytest.raises(DBAPIError) as caught, workspace.engine.begin() as connection:
        connection.execute(text(statement))
    return str(caught.value.orig)


@pytest.mark.parametrize("change", ["SET actor = 'eve'", "SET idem_key = 'other'"])
def test_an_event_cannot_be_changed(workspace, sample_id, change):
    assert "append-only" in refused(workspace, f"UPDATE label_event {change}")


def test_an_event_cannot_be_deleted(workspace, sample_id):
    assert "append-only" in refused(workspace, "DELETE FROM label_event")
    assert len(samples.history(workspace, 1, sample_id)) == 1


def test_a_given_label_cannot_be_changed_or_deleted(workspace, sample_id):
    assert "append-only" in refused(workspace, "UPDATE given_label SET raw = 'x'")
    assert "append-only" in refused(workspace, "DELETE FROM given_label")


def test_a_vote_cannot_be_changed_or_deleted(workspace, project_id):
    audits.set_settings(workspace, project_id, ReviewSettings(overlap=2), actor="ann")
    found = int(samples.label_snapshot(workspace, project_id).sample_ids[0])
    keep = DecisionRequest(sample_id=found, version=0, action=Action.KEEP, idem_key="k")
    review.record(workspace, project_id, [keep], actor="ann")
    assert "append-only" in refused(workspace, "UPDATE vote SET actor = 'eve'")
    assert "append-only" in refused(workspace, "DELETE FROM vote")
    projects.delete_project(workspace, project_id, actor="ann")


def test_postgres_refuses_to_truncate_the_ledger(workspace, sample_id):
    statement = "TRUNCATE label_event"
    told = refused(workspace, statement)
    assert "append-only" in told or "syntax error" in told  # SQLite has no TRUNCATE


@pytest.mark.parametrize(
    "values",
    [
        {"seq": 0},
        {"seq": 1},  # taken
        {"sample": 999},
        {"action": "nonsense"},
        {"action": "relabel", "class_id": "NULL"},
        {"action": "undo"},  # which one?
        {"key": "k"},  # taken
        {"class_id": 999},
    ],
)
def test_an_event_that_cannot_be_is_refused(workspace, project_id, sample_id, values):
    classes = projects.classes(workspace, project_id)
    row = {"project": project_id, "sample": sample_id, "seq": 2, "action": "keep", "key": "new"}
    row |= {"class_id": classes[0].class_id, **values}
    told = refused(workspace, EVENT.format(**row))
    assert "constraint" in told.lower()


def test_a_label_of_another_project_is_impossible(workspace, sample_id, make_project):
    other = projects.classes(workspace, make_project("other"))[0].class_id
    told = refused(
        workspace, f"UPDATE sample SET current_class_id = {other} WHERE id = {sample_id}"
    )
    assert "foreign key" in told.lower()


@pytest.mark.parametrize("value", ["1.5", "-0.1"])
def test_a_clean_probability_is_in_0_to_1(workspace, project_id, make_run, value):
    make_run(project_id)
    told = refused(workspace, f"UPDATE score SET clean_probability = {value}")
    assert "ck_score_clean" in told


def test_a_running_job_has_an_owner_and_a_lease(workspace, project_id, make_run):
    make_run(project_id)
    assert "ck_job_lease" in refused(workspace, "UPDATE job SET state = 'running'")
