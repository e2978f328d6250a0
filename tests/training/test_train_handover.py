"""What an attempt leaves behind when it fails: nothing, but never what is still needed."""

import pytest
from sqlalchemy import text

from turn_core.config import TurnConfig
from turn_core.errors import DataError, StoreError
from turn_core.jobs import attempt
from turn_core.jobs.context import JobContext
from turn_core.jobs.heartbeat import Heartbeat
from turn_core.jobs.tasks import train
from turn_core.services import jobs, runs
from turn_core.types import JobKind, JobState


@pytest.fixture
def context(workspace, make_project):
    runs.start_run(workspace, make_project(), TurnConfig(), actor="ann")
    return claim(workspace, "first worker")


def claim(workspace, owner):
    claimed = jobs.claim(workspace, owner, [JobKind.TRAIN])
    return JobContext(workspace, claimed.job, claimed.fence)


@pytest.fixture
def fail_with(monkeypatch):
    """Replace the training by one that leaves a checkpoint and fails; `first` happens before."""

    def replace(error, first=lambda: None):
        class Failing:
            def __init__(self, context, run, folder):
                self.folder = folder

            def run(self):
                (self.folder / "checkpoint").mkdir(parents=True)
                first()
                raise error

        monkeypatch.setattr(train, "_Train", Failing)

    return replace


def checkpoint(context):
    run = runs.run_of_job(context.workspace, context.job.job_id)
    return context.workspace.files.run(run.run_id) / "checkpoint"


def test_failed_run_leaves_no_files(context, fail_with):
    fail_with(DataError("one class"))
    with pytest.raises(DataError):
        train.run(context)
    assert not checkpoint(context).parent.exists()


def test_late_worker_leaves_the_files_of_the_one_that_took_over(context, fail_with, workspace):
    def lose_the_lease():
        with workspace.writing() as session:
            session.execute(text("UPDATE job SET lease_until = 1"))
        claim(workspace, "second worker")

    fail_with(DataError("late"), lose_the_lease)
    with pytest.raises(DataError):
        train.run(context)
    assert checkpoint(context).exists()


def test_fault_after_the_scores_were_stored_keeps_the_files(context, fail_with, workspace):
    run = runs.run_of_job(workspace, context.job.job_id)
    fail_with(
        DataError("later"),
        lambda: runs.save_scores(workspace, run.run_id, [], {}, {}, fence=context.fence),
    )
    with pytest.raises(DataError):
        train.run(context)
    assert checkpoint(context).exists()


def test_database_that_is_away_costs_an_attempt_and_not_the_run(context, fail_with, workspace):
    fail_with(StoreError("the database refused (server closed the connection): try again"))
    with pytest.raises(StoreError):
        attempt.run(context, Heartbeat(context, lease_seconds=60, on_lost=context.stop.interrupt))
    job = jobs.get_job(workspace, context.job.job_id)
    assert job.state is JobState.RUNNING
    assert checkpoint(context).exists()
    jobs.retry(workspace, job.job_id, context.fence, error="exit code 1")
    assert claim(workspace, "second worker").job.attempt == 2


def test_attempt_after_the_scores_removes_the_checkpoint(context, workspace):
    run = runs.run_of_job(workspace, context.job.job_id)
    checkpoint(context).mkdir(parents=True)
    runs.save_scores(workspace, run.run_id, [], {}, {}, fence=context.fence)
    assert train.run(context) == {"run_id": run.run_id}
    assert not checkpoint(context).exists()
