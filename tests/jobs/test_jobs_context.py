import os
import signal
import threading
import time

import pytest
from sqlalchemy import text
from worker_bench import PATIENCE

from turn_core.errors import ConflictError, JobCancelled, JobError
from turn_core.jobs import attempt, local, sweeping, worker
from turn_core.jobs.context import JobContext, JobInterrupted, StopFlag
from turn_core.jobs.heartbeat import Heartbeat
from turn_core.services import jobs, leases
from turn_core.types import JobKind, JobState

TASKS = "job_tasks_for_tests"


def submit(workspace, do, **params):
    return jobs.submit(
        workspace, JobKind.INSPECT, {"do": do, **params}, idem_key=os.urandom(8).hex(), actor="t"
    )


@pytest.fixture
def claimed(workspace):
    submit(workspace, "tell")
    return leases.claim(workspace, "me", [JobKind.INSPECT])


@pytest.fixture
def job_context(workspace, claimed):
    return JobContext(workspace, claimed.job, claimed.fence)


def run_here(workspace, job, seen=None):
    told = seen.append if seen is not None else lambda progress: None
    return local.run_here(workspace, job, on_progress=told, tasks_module=TASKS)


def check_until_told(job_context):
    for _ in range(int(PATIENCE / 0.01)):
        job_context.check()
        time.sleep(0.01)


def test_stage_and_its_place_stay_until_they_change(job_context):
    job_context.progress(stage="features", stage_index=2, num_stages=5, total=10)
    job_context.progress(step=4, total=10, message="from the cache")
    progress = job_context.tracker.snapshot()
    assert (progress.stage, progress.stage_index, progress.num_stages) == ("features", 2, 5)
    assert (progress.step, progress.total, progress.message) == (4, 10, "from the cache")


def test_cancel_wins_over_a_stopping_worker():
    stop = StopFlag()
    stop.check()
    stop.interrupt()
    with pytest.raises(JobInterrupted):
        stop.check()
    stop.cancel()
    with pytest.raises(JobCancelled):
        stop.check()


def test_interruption_is_no_failure_that_a_task_could_catch():
    assert not issubclass(JobInterrupted, Exception)


def test_heartbeat_writes_progress_and_hears_of_cancel(workspace, job_context):
    heard = threading.Event()
    with Heartbeat(job_context, lease_seconds=60, on_lost=heard.set):
        job_context.progress(stage="features", step=1, total=2)
        jobs.cancel(workspace, job_context.job.job_id, actor="t")
        with pytest.raises(JobCancelled):
            check_until_told(job_context)
    assert jobs.get_job(workspace, job_context.job.job_id).progress.stage == "features"
    assert not heard.is_set()


def test_heartbeat_tells_when_the_job_was_given_to_another(workspace, job_context):
    lost = threading.Event()
    leases.release(workspace, job_context.job.job_id, job_context.fence)
    with Heartbeat(job_context, lease_seconds=60, on_lost=lost.set):
        assert lost.wait(PATIENCE)


def test_finish_of_a_job_that_was_taken_away_changes_nothing(workspace, job_context):
    leases.release(workspace, job_context.job.job_id, job_context.fence)
    heartbeat = Heartbeat(job_context, lease_seconds=60, on_lost=lambda: None)
    assert attempt.run(job_context, heartbeat, TASKS) is attempt.Ending.FENCED
    assert jobs.get_job(workspace, job_context.job.job_id).state is JobState.QUEUED


def test_job_runs_in_this_process_with_its_log(workspace, tmp_path):
    seen = []
    job = submit(workspace, "count", path=str(tmp_path / "n"), to=12)
    done = run_here(workspace, job, seen)
    assert (done.state, done.result) == (JobState.DONE, {"first": 0})
    assert seen[-1].step == 12
    log = workspace.files.logs / f"job-{job.job_id}.log"
    assert "turn_core.jobs.attempt: done" in log.read_text()


def test_failures_in_this_process_are_sentences_and_the_traceback_is_in_the_log(workspace):
    with pytest.raises(JobError, match="at least two classes"):
        run_here(workspace, submit(workspace, "refuse"))
    job = submit(workspace, "fail")
    with pytest.raises(JobError, match=rf"a fault in TURN Audit .* job-{job.job_id}\.log"):
        run_here(workspace, job)
    assert "Traceback" in (workspace.files.logs / f"job-{job.job_id}.log").read_text()


def test_ctrl_c_gives_the_job_back_and_handlers_are_put_back(workspace, tmp_path):
    path = tmp_path / "n"
    job = submit(workspace, "count", path=str(path), to=1000, hold_at=3, go_on="never")
    before = signal.getsignal(signal.SIGINT)

    def press_once_it_counts():
        while not path.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_once_it_counts).start()
    with pytest.raises(KeyboardInterrupt):
        run_here(workspace, job)
    assert signal.getsignal(signal.SIGINT) is before
    waiting = jobs.get_job(workspace, job.job_id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)
    assert 0 < len(path.read_text().split()) < 1000


def test_job_that_another_process_has_is_refused(workspace, claimed):
    with pytest.raises(ConflictError, match="run by another process"):
        run_here(workspace, claimed.job)


def test_sweep_takes_what_no_job_needs(workspace, claimed):
    files = workspace.files
    for folder in (files.staging(claimed.job.job_id), files.staging(999)):
        folder.mkdir(parents=True)
    unused = files.blob("a" * 64)
    unused.parent.mkdir(parents=True)
    unused.write_bytes(b"x")
    sweeping.sweep(workspace)
    assert files.staging(claimed.job.job_id).exists()
    assert not files.staging(999).exists()
    assert not unused.exists()


def test_sweep_knows_a_running_job_behind_a_long_queue(workspace, claimed):
    staging = workspace.files.staging(claimed.job.job_id)
    staging.mkdir(parents=True)
    with workspace.writing() as session:
        for number in range(250):
            request = {"kind": JobKind.INSPECT, "params": {}, "project_id": None}
            keys = {"idem_key": f"queued-{number}", "dedupe_key": None}
            jobs.submit_in(session, actor="ann", **request, **keys)
    sweeping.sweep(workspace)
    assert staging.exists()


def test_sweeper_works_when_asked_and_ends(workspace):
    sweeper = sweeping.Sweeper(workspace)
    sweeper.start()
    folder = workspace.files.staging(5)
    folder.mkdir(parents=True)
    sweeper.ask()
    for _ in range(int(PATIENCE / 0.02)):
        if not folder.exists():
            break
        threading.Event().wait(0.02)
        sweeper.ask()
    assert not folder.exists()
    sweeper.close()
    sweeper.join(PATIENCE)
    assert not sweeper.is_alive()


def test_machine_that_slept_costs_a_running_job_nothing(workspace, claimed, monkeypatch):
    """The lease ran out in the sleep; the job's process has had no time yet to prolong it."""
    with workspace.writing() as session:
        session.execute(text("UPDATE job SET lease_until = 1, owner = 'another machine'"))
    submit(workspace, "tell")
    keeper = worker.Worker(workspace)
    keeper._clock_ahead -= 3600
    keeper._tick()
    assert jobs.get_job(workspace, claimed.job.job_id).state is JobState.RUNNING
    monkeypatch.setattr(keeper, "_awake_at", 0.0)
    monkeypatch.setattr(keeper, "_upkeep_at", 0.0)
    monkeypatch.setattr(keeper, "_claim", lambda kinds: None)
    keeper._tick()
    assert jobs.get_job(workspace, claimed.job.job_id).state is JobState.QUEUED
