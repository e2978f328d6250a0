import pytest
from sqlalchemy import text

from turn_core.errors import ConflictError, NotFoundError
from turn_core.services import jobs, local_source
from turn_core.types import JobKind, JobState, Progress

ALL = tuple(JobKind)


def submit(workspace, key="k", **more):
    return jobs.submit(workspace, JobKind.EXPORT, {"n": 1}, idem_key=key, actor="ann", **more)


def expire(workspace, job_id):
    with workspace.writing() as session:
        session.execute(text(f"UPDATE job SET lease_until = 1 WHERE id = {job_id}"))


def test_the_same_key_gives_the_same_job(workspace):
    first = submit(workspace)
    assert submit(workspace).job_id == first.job_id
    assert first.state is JobState.QUEUED
    assert first.params == {"n": 1}
    with pytest.raises(ConflictError, match="other settings"):
        jobs.submit(workspace, JobKind.EXPORT, {"n": 2}, idem_key="k", actor="ann")


def test_one_active_job_per_dedupe_key(workspace):
    job = submit(workspace, "a", dedupe_key="train:1")
    with pytest.raises(ConflictError, match="still queued"):
        submit(workspace, "b", dedupe_key="train:1")
    jobs.cancel(workspace, job.job_id, actor="ann")
    assert submit(workspace, "b", dedupe_key="train:1").job_id > job.job_id


def test_a_worker_claims_the_oldest_job_and_finishes_it(workspace):
    first, second = submit(workspace, "a"), submit(workspace, "b")
    claimed = jobs.claim(workspace, "w1", ALL)
    assert claimed is not None
    assert (claimed.job.job_id, claimed.fence, claimed.job.attempt) == (first.job_id, 1, 1)
    assert claimed.job.state is JobState.RUNNING
    done = jobs.finish(workspace, first.job_id, 1, state=JobState.DONE, result={"x": 1.5})
    assert done is True
    finished = jobs.get_job(workspace, first.job_id)
    assert (finished.state, finished.result) == (JobState.DONE, {"x": 1.5})
    assert finished.finished_at is not None
    assert finished.started_at is not None
    assert [job.job_id for job in jobs.list_jobs(workspace, active_only=True)] == [second.job_id]


def test_claim_takes_only_the_kinds_asked_for(workspace):
    submit(workspace)
    assert jobs.claim(workspace, "w1", [JobKind.TRAIN]) is None


def test_progress_comes_back_as_it_was_sent(workspace):
    job = submit(workspace)
    claimed = jobs.claim(workspace, "w1", ALL)
    curves = {"probe_loss": ((0.0, 2.5), (1.0, 1.25))}
    progress = Progress(stage="probe", step=3, total=20, rate=7.5, curves=curves)
    assert jobs.heartbeat(workspace, job.job_id, claimed.fence, progress) == (True, False)
    assert jobs.get_job(workspace, job.job_id).progress == progress


def test_a_worker_whose_lease_ran_out_is_fenced_off(workspace):
    job = submit(workspace)
    stale = jobs.claim(workspace, "w1", ALL)
    expire(workspace, job.job_id)
    fresh = jobs.claim(workspace, "w2", ALL)
    assert fresh.fence > stale.fence
    assert jobs.heartbeat(workspace, job.job_id, stale.fence) == (False, True)
    assert not jobs.finish(workspace, job.job_id, stale.fence, state=JobState.DONE)
    assert jobs.finish(workspace, job.job_id, fresh.fence, state=JobState.DONE)


def test_a_job_that_kills_its_workers_fails_in_the_end(workspace):
    job = submit(workspace)
    for _ in range(3):
        assert jobs.claim(workspace, "w", ALL) is not None
        expire(workspace, job.job_id)
    assert jobs.claim(workspace, "w", ALL) is None
    failed = jobs.get_job(workspace, job.job_id)
    assert failed.state is JobState.FAILED
    assert failed.error == (
        "given up after 3 attempts: its worker stopped answering (killed, or out of memory)"
    )


def test_retry_puts_back_until_the_attempts_are_used_up(workspace):
    job = submit(workspace)
    for _ in range(2):
        claimed = jobs.claim(workspace, "w", ALL)
        assert jobs.retry(workspace, job.job_id, claimed.fence, error="out of memory")
        assert jobs.get_job(workspace, job.job_id).state is JobState.QUEUED
    claimed = jobs.claim(workspace, "w", ALL)
    jobs.retry(workspace, job.job_id, claimed.fence, error="out of memory")
    assert jobs.get_job(workspace, job.job_id).error == "given up after 3 attempts: out of memory"


def test_a_released_job_keeps_its_attempts(workspace):
    job = submit(workspace)
    claimed = jobs.claim(workspace, "w1", ALL)
    assert jobs.release(workspace, job.job_id, claimed.fence)
    again = jobs.claim(workspace, "w2", ALL)
    assert again.job.attempt == 1
    assert again.fence > claimed.fence
    assert not jobs.release(workspace, job.job_id, claimed.fence)


def test_cancel_ends_a_queued_job_at_once_and_asks_a_running_one(workspace):
    queued = submit(workspace, "a")
    assert jobs.cancel(workspace, queued.job_id, actor="ann").state is JobState.CANCELLED
    running = submit(workspace, "b")
    claimed = jobs.claim(workspace, "w1", ALL)
    asked = jobs.cancel(workspace, running.job_id, actor="ann")
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert jobs.heartbeat(workspace, running.job_id, claimed.fence).cancel_requested
    jobs.finish(workspace, running.job_id, claimed.fence, state=JobState.CANCELLED)
    assert jobs.cancel(workspace, running.job_id, actor="ann").state is JobState.CANCELLED


def test_a_cancelled_job_whose_worker_died_is_not_started_again(workspace):
    job = submit(workspace)
    jobs.claim(workspace, "w1", ALL)
    jobs.cancel(workspace, job.job_id, actor="ann")
    expire(workspace, job.job_id)
    assert jobs.reap(workspace) == 1
    assert jobs.get_job(workspace, job.job_id).state is JobState.CANCELLED


def test_the_process_of_a_job_is_known(workspace):
    job = submit(workspace)
    claimed = jobs.claim(workspace, "w1", ALL)
    jobs.record_process(workspace, job.job_id, claimed.fence, pid=7, pid_start=1.5, boot_id="b")
    (process,) = jobs.running_processes(workspace)
    assert (process.owner, process.pid, process.pid_start) == ("w1", 7, 1.5)


def test_worker_status_tells_whether_one_lives(workspace):
    assert jobs.worker_status(workspace) == jobs.WorkerStatus(False, 0, None)
    jobs.beat_worker(workspace, "w1")
    jobs.beat_worker(workspace, "w1")
    status = jobs.worker_status(workspace)
    assert (status.alive, status.num_workers) == (True, 1)
    jobs.forget_worker(workspace, "w1")
    assert not jobs.worker_status(workspace).alive


def test_an_unknown_job_is_named(workspace):
    with pytest.raises(NotFoundError, match="no job 99"):
        jobs.get_job(workspace, 99)


def test_audit_keeps_its_hands_off_the_jobs_of_a_living_worker(workspace):
    jobs.submit(workspace, JobKind.TRAIN, {}, idem_key="k", actor="ann")
    job_id = jobs.claim(workspace, "w", [JobKind.TRAIN]).job.job_id
    jobs.beat_worker(workspace, "w")
    with pytest.raises(ConflictError, match="stop the app there first"):
        local_source.recover(workspace)
    assert jobs.get_job(workspace, job_id).state is JobState.RUNNING
    jobs.forget_worker(workspace, "w")
    local_source.recover(workspace)
    assert jobs.get_job(workspace, job_id).state is JobState.QUEUED
