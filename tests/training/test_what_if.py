"""Injected errors in labels believed right, found again by step 1."""

import numpy as np
import pytest
import torch
from test_train_task import SIZE, _config, _finish, _project, _train, backbone_folder

from turn_core import what_if as engine
from turn_core.config import NoiseConfig, ProbeConfig, TurnConfig, WhatIfConfig
from turn_core.errors import ConfigError, ConflictError, DataError, JobCancelled, JobError
from turn_core.jobs.context import JobContext, StopFlag
from turn_core.jobs.tasks import what_if as task
from turn_core.services import jobs, review, samples, what_if
from turn_core.types import Action, DecisionRequest, JobKind, JobState

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["backbone_folder"]


def blobs(size=400, num_classes=4):
    rng = np.random.default_rng(0)
    labels = np.arange(size) % num_classes
    noise = rng.normal(0, 0.5, (size, num_classes))
    return (3 * np.eye(num_classes)[labels] + noise).astype(np.float32), labels


def measured(level, *, kind="symmetric", seed=0):
    features, labels = blobs()
    return engine.measure(
        features, labels, 4, NoiseConfig(kind=kind, level=level),
        TurnConfig(probe=ProbeConfig(epochs=5)), seed=seed, device=torch.device("cpu"),
        on_epoch=lambda epoch, loss: None,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric_next", "instance_xia"])
def test_separable_data_give_their_errors_away(kind):
    found = measured(0.2, kind=kind)
    assert 0.05 < found.noise_rate < 0.35
    assert found.auroc > 0.95
    assert found.purity > 1 - found.noise_rate
    assert 0 < found.found_10 <= found.found_20 <= found.found_30 <= 1
    assert found.effort_saved > 0.4


def test_noise_among_some_classes_keeps_the_groups_of_the_project():
    classes = np.array([1, 2, 4, 5])  # 0 and 3 take no part
    block = engine.noise_among(NoiseConfig(kind="asymmetric_block", block_size=3), classes)
    assert (block.kind, block.superclasses) == ("asymmetric_superclass", (0, 0, 1, 1))
    groups = NoiseConfig(kind="asymmetric_superclass", superclasses=(0, 0, 9, 9, 0, 9))
    assert engine.noise_among(groups, classes).superclasses == (0, 9, 0, 9)
    flips = NoiseConfig(kind="asymmetric_map", mapping=(0, 2, 3, 3, 5, 0))
    assert engine.noise_among(flips, classes).mapping == (1, 1, 3, 3)  # 2 and 5 have no target
    with pytest.raises(ConfigError, match="described for 3 classes"):
        engine.noise_among(NoiseConfig(kind="asymmetric_map", mapping=(1, 2, 0)), classes)


def test_no_noise_leaves_nothing_to_find():
    found = measured(0.0)
    assert found.noise_rate == 0
    assert found.auroc is None
    assert found.effort_saved is None
    assert engine.spread([found.auroc, None]) is None


def test_spread_is_mean_and_deviation():
    assert engine.spread([1.0, 3.0, None]) == {"mean": 2.0, "deviation": pytest.approx(2**0.5)}
    assert engine.spread([4.0]) == {"mean": 4.0, "deviation": 0.0}


def test_small_classes_are_left_out_and_one_class_is_refused():
    labels = np.array([0] * 12 + [1] * 12 + [2] * 3)
    rows, classes = engine.usable_classes(labels, np.ones(27, bool))
    assert classes.tolist() == [0, 1]
    assert len(rows) == 24
    with pytest.raises(DataError, match="needs two classes"):
        engine.usable_classes(labels, labels != 1)


def started(workspace, project_id, config=None):
    config = config or WhatIfConfig(noise=NoiseConfig(level=0.3), repeats=2)
    what_if.start_what_if(workspace, project_id, config, actor="tester")
    claimed = jobs.claim(workspace, "test-worker", [JobKind.WHAT_IF])
    return JobContext(workspace, claimed.job, claimed.fence)


def finished(workspace, project_id, config=None):
    context = started(workspace, project_id, config)
    result = task.run(context)
    jobs.finish(workspace, context.job.job_id, context.fence, state=JobState.DONE, result=result)
    return what_if.list_what_ifs(workspace, project_id)[0]


def test_job_measures_on_the_labels_that_the_round_believes(workspace, backbone_folder):
    project_id = _project(workspace)
    _train(workspace, project_id, _config(backbone_folder, epochs=0))
    found = finished(workspace, project_id)
    assert (found.source, found.repeats, found.run_number) == ("clean", 2, 1)
    assert 0 < found.num_samples < SIZE
    assert found.measures["noise_rate"].mean == pytest.approx(0.3 * 2 / 3, abs=0.12)
    assert 0 <= found.measures["auroc"].mean <= 1
    assert what_if.latest_job(workspace, project_id).state is JobState.DONE


def test_job_takes_trusted_labels_where_there_are_enough(workspace, backbone_folder):
    project_id = _project(workspace)
    run = _train(workspace, project_id, _config(backbone_folder, epochs=0))
    ids = samples.label_snapshot(workspace, project_id).sample_ids[:60].tolist()
    requests = [
        DecisionRequest(
            sample_id=i, version=0, action=Action.KEEP, idem_key=f"{i}", run_id=run.run_id
        )
        for i in ids
    ]
    review.record(workspace, project_id, requests, actor="tester")
    config = WhatIfConfig(noise=NoiseConfig(level=0.3), repeats=1, min_trusted=50)
    found = finished(workspace, project_id, config)
    assert (found.source, found.num_samples) == ("trusted", 60)


def test_cancel_ends_the_job_within_an_epoch(workspace, backbone_folder):
    project_id = _project(workspace)
    _train(workspace, project_id, _config(backbone_folder, epochs=0))
    context = started(workspace, project_id)
    stop = StopFlag()
    stop.cancel()
    with pytest.raises(JobCancelled):
        task.run(JobContext(workspace, context.job, context.fence, stop=stop))
    _finish(context)


def test_one_at_a_time_and_only_after_a_round(workspace, backbone_folder):
    project_id = _project(workspace)
    with pytest.raises(DataError, match="train the first round"):
        what_if.start_what_if(workspace, project_id, WhatIfConfig(), actor="tester")
    run = _train(workspace, project_id, _config(backbone_folder, epochs=0))
    context = started(workspace, project_id)
    with pytest.raises(ConflictError):
        what_if.start_what_if(workspace, project_id, WhatIfConfig(), actor="tester")
    key = run.environment["features_key"]
    (workspace.files.array("any").parent / f"{key}.npy").unlink()
    with pytest.raises(JobError, match="features of round 1 are gone"):
        task.run(context)
