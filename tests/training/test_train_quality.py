"""What a real run stores for the Quality page."""

import numpy as np
import pytest
from test_train_task import SIZE, _array, _config, _project, _train, backbone_folder

from turn_core.cleansing import FALLBACKS
from turn_core.jobs.tasks import train_quality
from turn_core.store.arrays import array_names

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["backbone_folder"]


def test_run_stores_its_mixtures_and_a_second_opinion(workspace, backbone_folder):
    run = _train(workspace, _project(workspace), _config(backbone_folder, epochs=0))
    weights = _array(workspace, run, "mixture_weights")
    assert weights.shape == (4, 2)  # three classes, then all together
    assert _array(workspace, run, "mixture_bounds").shape == (4, 2)
    counts = _array(workspace, run, "mixture_count")
    assert counts[:3].sum() == counts[3] == SIZE
    assert set(_array(workspace, run, "class_fallback")) <= set(range(len(FALLBACKS)))
    assert _array(workspace, run, "model_class").tolist() == [0, 1, 2]
    probability = _array(workspace, run, "opinion_probability")
    assert probability.shape == (SIZE, 3)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=0.01)
    assert _array(workspace, run, "opinion_joint").shape == (3, 3)
    assert _array(workspace, run, "opinion_flag").any()
    stages = [row["stage"] for row in run.metrics["timings"]]
    assert stages[-2:] == ["Second opinion", "Save"]


def test_large_probabilities_are_not_kept(workspace, backbone_folder, monkeypatch):
    monkeypatch.setattr(train_quality, "MAX_PROBABILITIES", 100)
    monkeypatch.setattr(train_quality, "MAX_JOINT_CLASSES", 2)
    run = _train(workspace, _project(workspace), _config(backbone_folder, epochs=0))
    names = array_names(workspace.files.scores(run.run_id))
    assert "opinion_flag" in names
    assert "opinion_probability" not in names
    assert "opinion_joint" not in names
