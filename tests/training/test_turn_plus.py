from dataclasses import replace

import numpy as np
import pytest
import torch
from turn_bench import CPU, SIZE, assert_same, make_config, make_data, run, run_killed_at

from turn_core import what_if
from turn_core.config import NoiseConfig, ProbeConfig, TurnConfig
from turn_core.errors import ConfigError
from turn_core.methods import training
from turn_core.methods.turn import run_turn

pytestmark = pytest.mark.usefixtures("one_thread")

PLUS = replace(make_config(1), method="turn-plus", probe=ProbeConfig())


def test_finds_the_wrong_labels_and_keeps_to_the_stages_of_turn(tmp_path):
    data, true = make_data(tmp_path)
    result = run(tmp_path, config=PLUS, data=data)
    wrong = data.labels != true
    assert result.loss[wrong].min() > np.median(result.loss[~wrong])
    assert result.pass_loss.shape == (2, SIZE)
    assert np.all((result.given_probability >= 0) & (result.given_probability <= 1))


def test_dying_and_going_on_gives_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SHARE", 1e9)
    straight, total = run_killed_at(tmp_path / "straight", [], config=PLUS)
    resumed, _ = run_killed_at(tmp_path / "killed", [total // 3, total - 5], config=PLUS)
    assert_same(straight, resumed)


def test_step_one_alone_judges_by_what_is_given_in_place_of_what(tmp_path):
    features = np.random.default_rng(0).normal(size=(SIZE, 6)).astype(np.float32)
    data, _ = make_data(tmp_path, pixels=None, features=features)
    both = {
        method: run_turn(
            data,
            replace(make_config(0), method=method),
            backbone=None,
            device=CPU,
            checkpoint_dir=tmp_path / method,
        )
        for method in ("turn", "turn-plus")
    }
    assert not np.array_equal(both["turn"].loss, both["turn-plus"].loss)
    assert not torch.equal(both["turn"].probe.weight, both["turn-plus"].probe.weight)


def test_what_if_tries_the_step_one_of_the_method():
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 3
    features = (2 * np.eye(3)[labels] + rng.normal(0, 1, (600, 3))).astype(np.float32)
    noise = NoiseConfig(kind="asymmetric_next", level=0.4)
    found = [
        what_if.measure(
            features,
            labels,
            3,
            noise,
            TurnConfig(method=method),
            seed=0,
            device=CPU,
            on_epoch=lambda epoch, loss: None,
        ).average_precision
        for method in ("turn", "turn-plus")
    ]
    assert found[0] != found[1]
    assert min(found) > 0.6


def test_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="method"):
        TurnConfig(method="turn-minus")
