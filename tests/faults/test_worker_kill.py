"""A training run whose worker is killed gives the scores of an undisturbed one."""

import os
import random
import socket
import time
from dataclasses import replace

import pytest
import small_data
from sqlalchemy import text
from worker_bench import Bench

from turn_core import launch
from turn_core.config import FinetuneConfig, TurnConfig
from turn_core.ingest.source import ImportPlan, SourceForm, SourceRef
from turn_core.services import imports, jobs, projects, runs
from turn_core.services.imports import ImportRequest
from turn_core.store.arrays import load_array
from turn_core.types import JobState

pytestmark = [pytest.mark.worker, pytest.mark.slow]

KILLS = 2
SEED = int(os.environ.get("TURN_FAULT_SEED", "7"))


class TrainingBench(Bench):
    """A project of coloured squares, and training runs on it."""

    def __init__(self, folder):
        super().__init__(folder / "home")
        self.backbone = small_data.save_backbone(folder / "tiny")
        source = small_data.write_zip(folder / "squares.zip", small_data.squares(per_class=40))
        plan = ImportPlan(
            source=SourceRef.at_path(source), form=SourceForm.CLASS_FOLDERS, name="squares"
        )
        self.worker = self.start_worker()
        request = ImportRequest(plan=plan)
        job = imports.start_import(self.workspace, request, actor="test", any_path=True)
        self.project_id = self.ended(job.job_id).result["project_id"]

    def start_run(self, epochs=3):
        config = TurnConfig(
            backbone=str(self.backbone),
            device="cpu",
            finetune=FinetuneConfig(epochs=epochs, micro_batch_size=16, precision="fp32"),
        )
        return runs.start_run(self.workspace, self.project_id, config, actor="test")

    def forget_features(self):
        for path in self.workspace.files.array("any").parent.glob("*"):
            path.unlink()

    def kill_worker(self):
        self.worker.kill()
        self.worker.wait()

    def score_rows(self, run_id):
        query = text("SELECT * FROM score WHERE run_id = :run ORDER BY sample_id")
        with self.workspace.reading() as session:
            return [tuple(row)[1:] for row in session.execute(query, {"run": run_id})]

    def scores(self, run_id):
        """All that a run found: its rows, and the arrays behind them."""
        path = self.workspace.files.scores(run_id)
        names = ("final_clean_probability", "final_loss", "clean_probability", "loss", "selected")
        return self.score_rows(run_id), {name: load_array(path, name).tobytes() for name in names}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def bench(tmp_path):
    bench = TrainingBench(tmp_path)
    yield bench
    bench.close()


def test_run_whose_worker_is_killed_twice_ends_with_the_same_scores(bench):
    undisturbed = bench.start_run()
    job = bench.ended(undisturbed.job_id, 120)
    assert job.state is JobState.DONE, job.error
    duration = job.finished_at - job.started_at
    bench.forget_features()
    run = bench.start_run()
    moment = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(moment.uniform(0.2, 0.9) * duration)
        bench.kill_worker()
        assert bench.job(run.job_id).state is JobState.RUNNING, "it ended before the kill"
        bench.worker = bench.start_worker()
        bench.wait(lambda: bench.job(run.job_id).attempt > 1, "the next attempt")
    job = bench.ended(run.job_id, 120)
    assert (job.state, job.attempt) == (JobState.DONE, 1 + KILLS), job.error
    assert bench.scores(run.run_id) == bench.scores(undisturbed.run_id)
    assert not (bench.workspace.files.run(run.run_id) / "checkpoint").exists()


def test_cancel_ends_training_within_seconds_and_leaves_nothing_half_written(bench):
    run = bench.start_run(epochs=200)
    bench.wait(lambda: "fine-tune" in bench.job(run.job_id).progress.stage, "fine-tuning", 60)
    began = time.monotonic()
    jobs.cancel(bench.workspace, run.job_id, actor="test")
    assert bench.ended(run.job_id).state is JobState.CANCELLED
    assert time.monotonic() - began < 5
    ended = runs.get_run(bench.workspace, bench.project_id, run.run_id)
    assert ended.state == "cancelled"
    bench.wait(lambda: not bench.workspace.files.run(run.run_id).exists(), "an empty place")
    assert bench.score_rows(run.run_id) == []
    assert runs.latest_complete_run(bench.workspace, bench.project_id) is None
    overview = projects.overview(bench.workspace, bench.project_id)
    assert overview.active_job is None


def test_training_goes_on_while_the_app_is_killed_and_starts_again(bench):
    settings = replace(bench.workspace.settings, port=free_port())
    log = settings.home / "logs/web.log"
    web = launch.start(launch.web_command(settings), log, settings)
    try:
        bench.wait(lambda: launch.answers(settings), "the app", 60)
        run = bench.start_run()
        bench.wait(lambda: bench.job(run.job_id).state is JobState.RUNNING, "a running job")
        web.kill()
        web.wait()
        web = launch.start(launch.web_command(settings), log, settings)
        bench.wait(lambda: launch.answers(settings), "the app again", 60)
        job = bench.ended(run.job_id, 120)
    finally:
        web.kill()
        web.wait()
    assert (job.state, job.attempt) == (JobState.DONE, 1), job.error
