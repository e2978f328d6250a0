"""An exploration by the real worker: killed, cancelled, and left alone."""

from dataclasses import replace

import pytest
import torch
from squares_bench import SquaresBench

from turn_core.config import ExploreConfig
from turn_core.services import explorations, studies
from turn_core.store.arrays import array_names, load_array
from turn_core.types import JobState
from turn_core.types.exploring import EXPLORATION

pytestmark = [pytest.mark.worker, pytest.mark.slow]


class ExploringBench(SquaresBench):
    """Explorations of the squares."""

    def start(self, epochs=2):
        config = ExploreConfig(
            backbones=(str(self.backbone),),
            levels=(0.2, 0.9),
            max_samples=60,
            max_points=60,
            epochs=epochs,
            device="cpu",
        )
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


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """One import for all; this process computes with one thread, as the workers' do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    bench = ExploringBench(tmp_path_factory.mktemp("exploring"))
    yield bench
    bench.close()
    torch.set_num_threads(before)


@pytest.fixture
def bench(imported):
    yield imported
    imported.stop_workers()


def test_an_exploration_whose_worker_is_killed_ends_with_the_same_panels(bench):
    bench.forget_reports()
    undisturbed = bench.start()
    bench.run_here(undisturbed.job_id)
    assert len(bench.found(undisturbed)[0]) == 5
    killed = bench.start()
    steps = {
        stage: [moment for moment in bench.reports() if stage in moment]
        for stage in ("FFT at 20 %", "FFT at 90 %")
    }
    bench.killed_at(*(moments[len(moments) // 2] for moments in steps.values()))
    job = bench.ended(killed.job_id)
    assert (job.state, job.attempt) == (JobState.DONE, 3), job.error
    assert bench.found(killed) == bench.found(undisturbed)
    assert not bench.workspace.files.staging(killed.job_id).exists()


def test_cancel_ends_an_exploration_by_itself(bench):
    started = bench.start(epochs=1000)
    assert bench.cancelled_by_itself(started.job_id, "FFT").state is JobState.CANCELLED
    staging = bench.workspace.files.staging(started.job_id)
    bench.wait(lambda: not staging.exists(), "an empty place")
    assert len(bench.found(started)[0]) == 3  # before, and the line of the probe
    studies.delete_study(
        bench.workspace, EXPLORATION, bench.project_id, started.study_id, actor="tester"
    )
    assert not bench.workspace.files.study(started.study_id).exists()
