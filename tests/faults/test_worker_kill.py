"""A training run whose worker is killed gives the scores of an undisturbed one."""

import os
import random
import socket
from dataclasses import replace

import pytest
import torch
from sqlalchemy import text
from squares_bench import SquaresBench

from turn_core import launch
from turn_core.config import FinetuneConfig, TurnConfig
from turn_core.services import projects, runs
from turn_core.store.arrays import load_array
from turn_core.types import JobState

pytestmark = [pytest.mark.worker, pytest.mark.slow]

SEED = int(os.environ.get("TURN_FAULT_SEED", "7"))


class TrainingBench(SquaresBench):
    """Training runs on the squares."""

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


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """One import for all; this process computes with one thread, as the workers' do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    bench = TrainingBench(tmp_path_factory.mktemp("training"))
    yield bench
    bench.close()
    torch.set_num_threads(before)


@pytest.fixture
def bench(imported):
    yield imported
    imported.stop_workers()


def test_run_whose_worker_is_killed_twice_ends_with_the_same_scores(bench):
    bench.forget_reports()
    undisturbed = bench.start_run()
    bench.run_here(undisturbed.job_id)
    reports, draw = bench.reports(), random.Random(SEED)
    half = len(reports) // 2
    bench.forget_features()
    run = bench.start_run()
    bench.killed_at(draw.choice(reports[1:half]), draw.choice(reports[half:]))
    job = bench.ended(run.job_id)
    assert (job.state, job.attempt) == (JobState.DONE, 3), job.error
    assert bench.scores(run.run_id) == bench.scores(undisturbed.run_id)
    assert not (bench.workspace.files.run(run.run_id) / "checkpoint").exists()


def test_cancel_ends_training_by_itself_and_leaves_nothing_half_written(bench):
    complete = runs.latest_complete_run(bench.workspace, bench.project_id)
    run = bench.start_run(epochs=1000)
    assert bench.cancelled_by_itself(run.job_id, "fine-tune").state is JobState.CANCELLED
    ended = runs.get_run(bench.workspace, bench.project_id, run.run_id)
    assert ended.state == "cancelled"
    bench.wait(lambda: not bench.workspace.files.run(run.run_id).exists(), "an empty place")
    assert bench.score_rows(run.run_id) == []
    assert runs.latest_complete_run(bench.workspace, bench.project_id) == complete
    overview = projects.overview(bench.workspace, bench.project_id)
    assert overview.active_job is None


def test_training_goes_on_while_the_app_is_killed_and_starts_again(bench):
    settings = replace(bench.workspace.settings, port=free_port())
    log = settings.home / "logs/web.log"
    bench.start_worker()
    web = launch.start(launch.web_command(settings), log, settings)
    try:
        bench.wait(lambda: launch.answers(settings), "the app")
        run = bench.start_run()
        bench.wait(lambda: bench.job(run.job_id).state is JobState.RUNNING, "a running job")
        web.kill()
        web.wait()
        web = launch.start(launch.web_command(settings), log, settings)
        bench.wait(lambda: launch.answers(settings), "the app again")
        job = bench.ended(run.job_id)
    finally:
        web.kill()
        web.wait()
    assert (job.state, job.attempt) == (JobState.DONE, 1), job.error
