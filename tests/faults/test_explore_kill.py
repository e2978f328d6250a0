"""An exploration of the digits by the real worker: killed, cancelled, and left alone."""

import time
from dataclasses import replace

import pytest
from worker_bench import Bench

from turn_core.config import ExploreConfig
from turn_core.ingest.source import ImportPlan, SourceForm
from turn_core.services import demo, explorations, imports, jobs, studies
from turn_core.services.imports import ImportRequest
from turn_core.store.arrays import array_names, load_array
from turn_core.types import JobState
from turn_core.types.exploring import EXPLORATION

pytestmark = [pytest.mark.worker, pytest.mark.slow]

CONFIG = ExploreConfig(
    levels=(0.2, 0.9), max_classes=3, max_samples=60, max_points=60, epochs=2, device="cpu"
)


class ExploringBench(Bench):
    """A project of scikit-learn's digits, and explorations of it with turn-mini."""

    def __init__(self, folder):
        super().__init__(folder / "home")
        plan = ImportPlan(source=demo.source(0), form=SourceForm.DIGITS, name="digits")
        self.worker = self.start_worker()
        job = imports.start_import(
            self.workspace, ImportRequest(plan=plan), actor="test", any_path=True
        )
        self.project_id = self.ended(job.job_id, 120).result["project_id"]

    def start(self, config=CONFIG):
        return explorations.start_exploration(self.workspace, self.project_id, config, actor="test")

    def found(self, exploration):
        """Panels without their times, and the bytes of their maps."""
        now = studies.get_study(self.workspace, EXPLORATION, self.project_id, exploration.study_id)
        arrays = {}
        for panel in now.parts:
            if panel.projections:
                path = self.workspace.files.panel(now.study_id, panel.idx)
                arrays[panel.idx] = {n: load_array(path, n).tobytes() for n in array_names(path)}
        return [replace(panel, ready_at=0) for panel in now.parts], arrays


@pytest.fixture
def bench(tmp_path):
    bench = ExploringBench(tmp_path)
    yield bench
    bench.close()


def test_an_exploration_whose_worker_is_killed_ends_with_the_same_panels(bench):
    undisturbed = bench.start()
    job = bench.ended(undisturbed.job_id, 240)
    assert job.state is JobState.DONE, job.error
    assert len(bench.found(undisturbed)[0]) == 5
    killed = bench.start()
    for stage in ("FFT at 20 %", "FFT at 90 %"):
        bench.wait(lambda: stage in bench.job(killed.job_id).progress.stage, stage, 240)  # noqa: B023
        attempt = bench.job(killed.job_id).attempt
        bench.worker.kill()
        bench.worker.wait()
        bench.worker = bench.start_worker()
        bench.wait(lambda: bench.job(killed.job_id).attempt > attempt, "the next", 60)  # noqa: B023
    job = bench.ended(killed.job_id, 240)
    assert (job.state, job.attempt) == (JobState.DONE, 3), job.error
    assert bench.found(killed) == bench.found(undisturbed)
    assert not bench.workspace.files.staging(killed.job_id).exists()


def test_cancel_ends_an_exploration_within_seconds(bench):
    started = bench.start(replace(CONFIG, epochs=500))
    bench.wait(lambda: "FFT" in bench.job(started.job_id).progress.stage, "FFT", 240)
    began = time.monotonic()
    jobs.cancel(bench.workspace, started.job_id, actor="test")
    assert bench.ended(started.job_id).state is JobState.CANCELLED
    assert time.monotonic() - began < 5
    staging = bench.workspace.files.staging(started.job_id)
    bench.wait(lambda: not staging.exists(), "an empty place")
    assert len(bench.found(started)[0]) == 3  # before, and the line of the probe
    studies.delete_study(
        bench.workspace, EXPLORATION, bench.project_id, started.study_id, actor="tester"
    )
    assert not bench.workspace.files.study(started.study_id).exists()
