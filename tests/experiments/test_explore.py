import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from explore_bench import CONFIG, SIZE, inputs
from numpy.testing import assert_array_equal

from turn_core.errors import DataError, JobCancelled
from turn_core.experiments import explore, explore_plan
from turn_core.experiments.explore import run_exploration
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.methods.progress import StageProgress
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import PanelMethod

pytestmark = pytest.mark.usefixtures("one_thread")
HERE = Path(__file__).parent


class KilledError(BaseException):
    """Stands for SIGKILL: nothing may tidy up."""


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """An exploration that nothing disturbed, with what it told."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("straight")
    told, events = [], []
    panels = run_exploration(inputs(folder), CONFIG, on_panel=told.append, on_event=events.append)
    torch.set_num_threads(before)
    return folder, panels, told, events


def same(first, second):
    """Everything but the time is equal, maps included."""
    left, right = PanelFolder(first / "panels"), PanelFolder(second / "panels")
    panels = [[replace(p, ready_at=0) for p in folder.all()] for folder in (left, right)]
    assert panels[0] == panels[1]
    for panel in panels[0]:
        if panel.projections:
            arrays, others = left.arrays(panel.idx), right.arrays(panel.idx)
            assert set(arrays) == set(others)
            for name, array in arrays.items():
                assert_array_equal(array, others[name])


def test_all_panels_of_the_plan_are_made(straight):
    _, panels, told, _ = straight
    assert [(p.method, p.noise_level) for p in panels] == [
        (PanelMethod.BEFORE, None),
        (PanelMethod.PROBE, 0.0),
        (PanelMethod.PROBE, 0.9),
        (PanelMethod.FFT, 0.0),
        (PanelMethod.FFT, 0.9),
    ]
    assert [p.projections for p in panels] == [("pca", "tsne"), (), (), *[("pca", "tsne")] * 2]
    first = [p.projections for p in told if p.idx == 3]
    assert first == [("pca",), ("pca", "tsne")]  # PCA is told before t-SNE is there


def test_every_panel_has_its_figures(straight):
    _, panels, _, _ = straight
    before, clean, noisy = panels[0], panels[3], panels[4]
    for panel in (before, clean, noisy):
        assert set(METRICS) <= set(panel.metrics)
        assert "trustworthiness_tsne" in panel.metrics
    assert before.metrics["cka"] == pytest.approx(1)
    assert before.metrics["neighbours_kept"] == 1
    assert before.metrics.keys().isdisjoint({"accuracy", "noise_rate"})
    assert clean.metrics["noise_rate"] == clean.metrics["wrong_rate"] == 0
    assert noisy.metrics["noise_rate"] == pytest.approx(0.6, abs=0.15)  # 0.9 (1 - 1 / 3)
    assert clean.metrics["accuracy"] > noisy.metrics["accuracy"]
    assert panels[1].metrics["accuracy"] > panels[2].metrics["accuracy"]  # the probes
    assert panels[2].metrics["cka"] == pytest.approx(1)  # its features are those before


def test_maps_hold_the_same_held_out_samples(straight):
    folder, panels, _, _ = straight
    stored = PanelFolder(folder / "panels")
    ids = [stored.arrays(p.idx)["sample_ids"] for p in panels if p.projections]
    for other in ids[1:]:
        assert_array_equal(other, ids[0])
    arrays = stored.arrays(3)
    num = len(ids[0])
    assert {n: (a.shape, a.dtype.str) for n, a in arrays.items()} == {
        "sample_ids": ((num,), "<i8"),
        "purity": ((num,), "<f4"),
        "pca": ((num, 2), "<f4"),
        "tsne": ((num, 2), "<f4"),
    }
    assert abs(num - SIZE // 2) <= 3


def test_stages_come_in_the_order_that_was_promised(straight):
    _, _, _, events = straight
    seen = [e.stage for e in events if isinstance(e, StageProgress)]
    order = list(dict.fromkeys(seen))
    promised = explore_plan.stage_names(CONFIG)
    assert order == [stage for stage in promised if stage in order]
    assert set(seen) == set(promised)
    for event in events:
        if isinstance(event, StageProgress):
            assert 0 <= event.step <= event.total


def test_the_same_seed_gives_the_same_and_another_another(straight, tmp_path):
    folder, panels, _, _ = straight
    run_exploration(inputs(tmp_path / "again"), CONFIG)
    same(folder, tmp_path / "again")
    other = replace(CONFIG, seed=4, levels=(0.9,), projections=("pca",))
    found = run_exploration(inputs(tmp_path / "other", other), other)
    assert found[2].metrics["cka"] != panels[4].metrics["cka"]


def test_killed_anywhere_it_goes_on_with_the_same_result(straight, tmp_path):
    folder, _, _, events = straight
    marks = [len(events) * part // 6 for part in range(1, 6)]
    seen = 0

    def on_event(event):
        nonlocal seen
        seen += 1
        if marks and seen >= marks[0]:
            marks.pop(0)
            raise KilledError

    for _ in range(6):
        try:
            run_exploration(inputs(tmp_path), CONFIG, on_event=on_event)
            break
        except KilledError:
            continue
    same(folder, tmp_path)
    assert marks == []


@pytest.mark.slow
def test_real_sigkill_changes_nothing(straight, tmp_path):
    folder, _, _, events = straight
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE}:{HERE.parents[1]}",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(HERE / "explore_bench.py"), str(tmp_path)]
    killed = subprocess.run([*command, str(len(events) * 2 // 3)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    seen = []
    run_exploration(inputs(tmp_path), CONFIG, on_event=seen.append)
    same(folder, tmp_path)
    assert len(seen) < len(events)


def test_cancel_leaves_whole_panels_only(tmp_path):
    told = []

    def check():
        if any(p.idx == 1 for p in told):
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        run_exploration(inputs(tmp_path), CONFIG, on_panel=told.append, check=check)
    stored = PanelFolder(tmp_path / "panels")
    assert [p.idx for p in stored.all()] == [0, 1]
    assert not list((tmp_path / "panels").glob(".*.tmp"))
    assert set(stored.arrays(0)) == {"sample_ids", "purity", "pca", "tsne"}


def test_turn_has_a_row_of_its_own_and_bears_a_class_that_noise_emptied(tmp_path):
    config = replace(
        CONFIG,
        with_turn=True,
        levels=(1.0,),
        projections=("pca",),
        noise="asymmetric_map",
        mapping=(1, 1, 2),
        epochs=1,
    )
    panels = run_exploration(inputs(tmp_path, config), config)
    turn = panels[-1]
    assert (turn.method, turn.noise_level) == (PanelMethod.TURN, 1.0)
    assert 0 < turn.metrics["accuracy"] < 0.8  # class 0 is never predicted
    assert turn.metrics["noise_rate"] == pytest.approx(1 / 3, abs=0.01)


def test_trusted_labels_keep_their_class(tmp_path):
    config = replace(CONFIG, levels=(0.9,), projections=("pca",), epochs=1)
    panels = run_exploration(inputs(tmp_path, config, trusted=np.ones(SIZE, bool)), config)
    assert panels[2].metrics["noise_rate"] == 0


def test_image_dependent_noise_looks_at_the_images(tmp_path):
    config = replace(CONFIG, noise="instance_xia", levels=(0.4,), projections=("pca",), epochs=1)
    panels = run_exploration(inputs(tmp_path, config), config)
    assert 0.2 < panels[1].metrics["noise_rate"] < 0.6


def test_maps_of_a_second_backbone_lie_on_those_of_the_first(tmp_path):
    config = replace(CONFIG, backbones=("tiny", "twin"), levels=(0.0,), epochs=1)
    run_exploration(inputs(tmp_path, config), config)
    stored = PanelFolder(tmp_path / "panels")
    first, second = (stored.arrays(idx)["pca"] for idx in (0, 3))
    assert np.allclose(first, second, atol=1e-4)  # the same weights: the same map, not mirrored


def test_a_damaged_record_is_named(tmp_path):
    folder = PanelFolder(tmp_path)
    (tmp_path / "panel-000.json").write_text("{")
    with pytest.raises(DataError, match=r"panel-000.json is damaged"):
        folder.load(0)


def test_exploring_needs_no_store():
    code = "import sys, turn_core.experiments.explore; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"sqlalchemy", "streamlit"} & set(done.stdout.split()) == set()
    assert explore.SMALL.size == 32
