import os
import signal

import pytest
from sqlalchemy import text
from worker_bench import PATIENCE

from turn_core.jobs import processes
from turn_core.services import jobs
from turn_core.types import JobKind, JobState

pytestmark = pytest.mark.worker


@pytest.fixture
def counter(bench, tmp_path):
    return Counter(bench, tmp_path)


class Counter:
    """A job that counts to 30 into a file; it holds after 5 until `let_go`."""

    def __init__(self, bench, folder):
        self.bench, self.path, self.go_on = bench, folder / "n", folder / "go on"
        self.job_id = None

    def start(self, **params):
        params = {"to": 30, "hold_at": 4, **params}
        self.job_id = self.bench.submit(
            "count", path=str(self.path), go_on=str(self.go_on), **params
        )
        return self.job_id

    def wait_until_held(self):
        self.bench.wait(lambda: len(self.counted()) == 5, "some counting")

    def let_go(self):
        self.go_on.touch()

    def counted(self):
        return self.path.read_text().split() if self.path.exists() else []


def test_job_runs_in_a_nice_process_of_its_own_and_its_result_is_kept(bench):
    worker = bench.start_worker()
    job = bench.ended(bench.submit("tell"))
    assert job.state is JobState.DONE
    assert job.result["nice"] == min(19, os.nice(0) + 10)
    assert job.result["pid"] not in (worker.pid, os.getpid())
    assert jobs.worker_status(bench.workspace).alive


def test_progress_rate_and_curves_reach_the_store_while_it_runs(bench, counter):
    bench.start_worker()
    job_id = counter.start(hold_at=11, pause=0.05)
    running = bench.wait(lambda: _with_rate(bench.job(job_id)), "progress with a rate")
    assert running.progress.stage == "counting"
    assert 0 < running.progress.step < running.progress.total == 30
    assert 0 < running.progress.rate < 21  # a pause of 0.05 s a step
    assert running.progress.seconds_left > 0
    counter.let_go()
    done = bench.ended(job_id)
    assert done.progress.step == 30
    assert done.progress.curves["count"][-1] == (29, 58)


def _with_rate(job):
    return job if job.progress.rate is not None else None


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


def test_cancel_ends_a_running_job_by_itself_and_sweeps_its_staging(bench):
    bench.start_worker(cancel_patience=3600)  # no signal comes: the task has to hear of it
    job_id = bench.submit("stage_a_file")
    staging = bench.workspace.files.staging(job_id)
    bench.wait(lambda: (staging / "half").exists(), "a staged file")
    jobs.cancel(bench.workspace, job_id, actor="test")
    assert bench.ended(job_id).state is JobState.CANCELLED
    bench.wait(lambda: not staging.exists(), "an empty place")


def test_cancel_kills_a_job_that_does_not_listen(bench, tmp_path):
    bench.start_worker(cancel_patience=0.5, kill_patience=0.5)
    path = tmp_path / "pid"
    job_id = bench.submit("be_deaf", path=str(path))
    bench.wait(lambda: path.exists() and path.read_text(), "the deaf task")
    identity = processes.identify(int(path.read_text()))
    jobs.cancel(bench.workspace, job_id, actor="test")
    assert bench.ended(job_id).state is JobState.CANCELLED
    bench.wait(lambda: processes.is_surely_dead(identity), "end of the process")


def test_sigterm_gives_jobs_back_and_the_next_worker_goes_on(bench, counter):
    first = bench.start_worker(stop_patience=3600)
    job_id = counter.start()
    counter.wait_until_held()
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE) == 0
    waiting = bench.job(job_id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)
    assert not jobs.worker_status(bench.workspace).alive
    bench.start_worker()
    done = bench.ended(job_id)
    assert done.result["first"] == 5
    assert counter.counted() == [str(n) for n in range(30)]


def test_killed_worker_takes_its_job_along_and_the_next_resumes_without_waiting(bench, counter):
    first = bench.start_worker(lease_seconds=3600)
    job_id = counter.start()
    counter.wait_until_held()
    identity = bench.process_of(job_id)
    first.kill()
    first.wait()
    bench.wait(lambda: processes.is_surely_dead(identity), "end of the job's process")
    bench.start_worker()
    done = bench.ended(job_id)  # long before the lease is over
    assert (done.state, done.attempt) == (JobState.DONE, 2)
    assert counter.counted() == [str(n) for n in range(30)]


def test_worker_that_slept_past_its_lease_is_fenced_off(bench, counter):
    first = bench.start_worker()
    job_id = counter.start()
    counter.wait_until_held()
    identity = bench.process_of(job_id)
    with bench.workspace.writing() as session:  # so neither falls asleep with the database locked
        os.killpg(identity.pid, signal.SIGSTOP)
        first.send_signal(signal.SIGSTOP)
        session.execute(text("UPDATE job SET lease_until = 1"))
    counter.let_go()
    second = bench.start_worker()
    done = bench.ended(job_id)
    assert (done.attempt, done.state) == (2, JobState.DONE)
    first.send_signal(signal.SIGCONT)
    os.killpg(identity.pid, signal.SIGCONT)
    bench.wait(lambda: processes.is_surely_dead(identity), "the first one's leaving")
    assert bench.job(job_id) == done
    assert (first.poll(), second.poll()) == (None, None)


def test_training_runs_one_at_a_time_and_light_jobs_beside_it(bench, tmp_path):
    first, second, *light = (tmp_path / name for name in ("first", "second", "light 1", "light 2"))
    enough = tmp_path / "enough"
    bench.start_worker()
    train = [
        bench.submit("hold", kind=JobKind.TRAIN, here=str(here), until=str(enough))
        for here in (first, second)
    ]
    bench.wait(first.exists, "the first training")
    beside = [  # each ends only if the other runs too
        bench.submit("hold", here=str(light[n]), until=str(light[1 - n])) for n in range(2)
    ]
    assert [bench.ended(n).state for n in beside] == [JobState.DONE] * 2
    assert [bench.job(n).state for n in train] == [JobState.RUNNING, JobState.QUEUED]
    assert not second.exists()
    enough.touch()
    one, other = (bench.ended(n) for n in train)
    assert one.finished_at <= other.started_at


def test_jobs_queued_without_a_worker_wait_and_then_run(bench):
    job_id = bench.submit("tell")
    assert bench.job(job_id).state is JobState.QUEUED
    assert not jobs.worker_status(bench.workspace).alive
    bench.start_worker()
    assert bench.ended(job_id).state is JobState.DONE
