import itertools
import os
import signal
import time

import pytest

from turn_core.jobs import processes
from turn_core.services import jobs
from turn_core.types import JobKind, JobState

pytestmark = pytest.mark.worker


def test_job_runs_in_a_nice_process_of_its_own_and_its_result_is_kept(bench):
    worker = bench.start_worker()
    job = bench.ended(bench.submit("tell"))
    assert job.state is JobState.DONE
    assert job.result["nice"] == min(19, os.nice(0) + 10)
    assert job.result["pid"] not in (worker.pid, os.getpid())
    assert jobs.worker_status(bench.workspace).alive


def test_progress_rate_and_curves_reach_the_store_while_it_runs(bench, tmp_path):
    bench.start_worker()
    job_id = bench.submit("count", path=str(tmp_path / "n"), to=40)
    running = bench.wait(lambda: _with_rate(bench.job(job_id)), "progress with a rate")
    assert running.progress.stage == "counting"
    assert 0 < running.progress.step < running.progress.total == 40
    assert 1 < running.progress.rate < 21  # a pause of 0.05 s a step, on a busy machine
    assert running.progress.seconds_left > 0
    done = bench.ended(job_id)
    assert done.progress.step == 40
    assert done.progress.curves["count"][-1] == (39, 78)


def _with_rate(job):
    return job if job.progress.rate is not None and job.progress.step < 40 else None


def test_sentence_of_the_task_is_the_jobs_error(bench):
    bench.start_worker()
    job = bench.ended(bench.submit("refuse"))
    assert (job.state, job.error) == (JobState.FAILED, "give at least two classes, there is one")


def test_fault_gives_one_sentence_and_the_traceback_goes_to_the_log(bench):
    bench.start_worker()
    job = bench.ended(bench.submit("fail"))
    assert job.state is JobState.FAILED
    assert job.error == (
        "The job stopped because of a fault in TURN Audit (ValueError: shape (3, 4));"
        f" the log is job-{job.job_id}.log"
    )
    log = (bench.workspace.files.logs / f"job-{job.job_id}.log").read_text()
    assert "Traceback" in log
    assert 'raise ValueError("shape (3, 4)")' in log


def test_job_that_keeps_crashing_is_given_up_after_three_attempts(bench, tmp_path):
    bench.start_worker()
    path = tmp_path / "attempts"
    job = bench.ended(bench.submit("crash", path=str(path)))
    assert job.state is JobState.FAILED
    assert path.read_text() == "xxx"
    assert "3 attempts" in job.error
    assert "probably because memory ran out" in job.error


def test_cancel_ends_a_running_job_within_seconds_and_sweeps_its_staging(bench):
    bench.start_worker()
    job_id = bench.submit("stage_a_file")
    staging = bench.workspace.files.staging(job_id)
    bench.wait(lambda: (staging / "half").exists(), "a staged file")
    began = time.monotonic()
    jobs.cancel(bench.workspace, job_id, actor="test")
    assert bench.ended(job_id).state is JobState.CANCELLED
    assert time.monotonic() - began < 4
    assert not staging.exists()


def test_cancel_kills_a_job_that_does_not_listen(bench, tmp_path):
    bench.start_worker(cancel_patience=0.5, kill_patience=0.5)
    path = tmp_path / "pid"
    job_id = bench.submit("be_deaf", path=str(path))
    bench.wait(lambda: path.exists() and path.read_text(), "the deaf task")
    identity = processes.identify(int(path.read_text()))
    jobs.cancel(bench.workspace, job_id, actor="test")
    assert bench.ended(job_id).state is JobState.CANCELLED
    bench.wait(lambda: processes.is_surely_dead(identity), "end of the process")


def test_sigterm_gives_jobs_back_and_the_next_worker_goes_on(bench, tmp_path):
    first = bench.start_worker()
    path = tmp_path / "n"
    job_id = bench.submit("count", path=str(path), to=30)
    bench.wait(lambda: path.exists() and len(path.read_text().split()) > 3, "some counting")
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    waiting = bench.job(job_id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)
    assert not jobs.worker_status(bench.workspace).alive
    bench.start_worker()
    done = bench.ended(job_id)
    assert done.result["first"] > 3
    assert path.read_text().split() == [str(n) for n in range(30)]


def test_killed_worker_takes_its_job_along_and_the_next_resumes_without_waiting(bench, tmp_path):
    first = bench.start_worker()
    path = tmp_path / "n"
    job_id = bench.submit("count", path=str(path), to=30)
    bench.wait(lambda: path.exists() and len(path.read_text().split()) > 3, "some counting")
    first.kill()
    first.wait()
    time.sleep(0.3)
    counted = path.read_text()
    time.sleep(0.3)
    assert path.read_text() == counted  # the job's process is gone too
    began = time.monotonic()
    bench.start_worker()
    done = bench.ended(job_id)
    assert time.monotonic() - began < 20  # the lease would have lasted 60 s
    assert (done.state, done.attempt) == (JobState.DONE, 2)
    assert path.read_text().split() == [str(n) for n in range(30)]


def test_worker_that_slept_past_its_lease_is_fenced_off(bench, tmp_path):
    first = bench.start_worker(lease_seconds=2.0)
    path = tmp_path / "n"
    job_id = bench.submit("count", path=str(path), to=60)
    bench.wait(lambda: path.exists() and len(path.read_text().split()) > 3, "some counting")
    child = bench.job(job_id)
    pid = jobs.running_processes(bench.workspace)[0].pid
    os.killpg(pid, signal.SIGSTOP)
    first.send_signal(signal.SIGSTOP)
    second = bench.start_worker(lease_seconds=2.0)
    bench.wait(lambda: bench.job(job_id).attempt == 2, "the second worker's attempt")
    os.killpg(pid, signal.SIGCONT)
    first.send_signal(signal.SIGCONT)
    done = bench.ended(job_id)
    assert (child.attempt, done.attempt, done.state) == (1, 2, JobState.DONE)
    assert second.poll() is None


def test_training_runs_one_at_a_time_and_light_jobs_beside_it(bench):
    bench.start_worker()
    train = [bench.submit("take_turns", kind=JobKind.TRAIN) for _ in range(2)]
    light = [bench.submit("take_turns") for _ in range(2)]
    spans = {n: bench.ended(n).result for n in train + light}
    assert not _overlap(*(spans[n] for n in train))
    pairs = itertools.product(train, light)
    assert any(_overlap(spans[a], spans[b]) for a, b in pairs)


def _overlap(one, other):
    return one["began"] < other["ended"] and other["began"] < one["ended"]


def test_jobs_queued_without_a_worker_wait_and_then_run(bench):
    job_id = bench.submit("tell")
    assert bench.job(job_id).state is JobState.QUEUED
    assert not jobs.worker_status(bench.workspace).alive
    bench.start_worker()
    assert bench.ended(job_id).state is JobState.DONE
