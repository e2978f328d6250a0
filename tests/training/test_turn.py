from dataclasses import replace

import numpy as np
import pytest
import torch
from turn_bench import (
    CPU,
    SIZE,
    KilledError,
    assert_same,
    make_config,
    make_data,
    run,
    run_killed_at,
)

from turn_core.errors import DataError, JobError
from turn_core.methods import training
from turn_core.methods.progress import CurvePoint, StageProgress
from turn_core.methods.turn import run_turn, stage_names
from turn_core.seeds import derive

pytestmark = pytest.mark.usefixtures("one_thread")


def test_finds_the_wrong_labels_and_learns_the_right_ones(tmp_path):
    data, true = make_data(tmp_path)
    result = run(tmp_path, epochs=3, data=data)
    wrong = data.labels != true
    assert result.loss[wrong].min() > np.median(result.loss[~wrong])
    assert (result.top_class[:, 0] == true).mean() > 0.9
    assert result.clean_probability.shape == (SIZE,)
    assert result.pass_loss.shape == result.pass_clean_probability.shape == (4, SIZE)
    assert result.selected.shape == (3, SIZE)
    assert len(result.holdout_accuracy) == len(result.clean_fraction) == 4
    assert result.neighbours.shape == (SIZE, 4)


def test_same_number_of_every_class_is_selected_and_none_is_held_out(tmp_path):
    data, _ = make_data(tmp_path)
    result = run(tmp_path, data=data)
    for selected in result.selected:
        assert len(set(np.bincount(data.labels[selected]))) == 1
        assert not (selected & result.holdout).any()


def test_stops_after_step_one_with_the_scores_of_the_probe(tmp_path):
    result = run(tmp_path, epochs=0)
    assert result.pass_loss.shape == (1, SIZE)
    assert result.selected.shape == (0, SIZE)
    assert torch.equal(result.model.head.weight, result.probe.weight)


def test_step_one_alone_runs_on_given_features_without_images(tmp_path):
    features = np.random.default_rng(0).normal(size=(SIZE, 6)).astype(np.float32)
    data, _ = make_data(tmp_path, pixels=None, features=features)
    result = run_turn(
        data, make_config(0), backbone=None, device=CPU, checkpoint_dir=tmp_path / "c"
    )
    assert result.model is None
    assert result.clean_probability.shape == (SIZE,)


def test_fine_tuning_without_images_is_refused(tmp_path):
    data, _ = make_data(tmp_path, pixels=None)
    with pytest.raises(DataError, match="need a backbone and images"):
        run(tmp_path, data=data)


def test_trusted_is_always_selected_and_never_held_out(tmp_path):
    trusted = np.zeros(SIZE, bool)
    trusted[:20] = True
    data, _ = make_data(tmp_path, trusted=trusted)
    result = run(tmp_path, data=data)
    assert result.selected[:, trusted].all()
    assert not result.holdout[trusted].any()
    assert (result.clean_probability[trusted] == 1).all()


def test_excluded_takes_no_part_but_is_scored_by_its_class(tmp_path):
    excluded = np.zeros(SIZE, bool)
    excluded[::7] = True
    data, _ = make_data(tmp_path, excluded=excluded)
    result = run(tmp_path, data=data)
    assert not (result.selected | result.holdout)[:, excluded].any()
    assert set(result.fallback[excluded]) == {"excluded"}
    for row in np.flatnonzero(excluded):
        others = ~excluded & (data.labels == data.labels[row])
        nearest = np.abs(result.loss[others] - result.loss[row]).argmin()
        assert abs(result.clean_probability[others][nearest] - result.clean_probability[row]) < 0.3


def test_content_of_excluded_samples_changes_nothing_else(tmp_path):
    excluded = np.arange(SIZE) >= SIZE - 40
    one, _ = make_data(tmp_path / "a", excluded=excluded)
    labels = one.labels.copy()
    labels[excluded] = 0
    other = replace(one, labels=labels, features_dir=tmp_path / "b")
    first, second = run(tmp_path / "a", data=one), run(tmp_path / "b", data=other)
    assert np.array_equal(first.pass_loss[:, ~excluded], second.pass_loss[:, ~excluded])


def test_stages_and_curves_come_in_order(tmp_path):
    events = []
    run(tmp_path, epochs=2, on_event=events.append)
    stages = [e.stage for e in events if isinstance(e, StageProgress)]
    assert list(dict.fromkeys(stages)) == stage_names(2)
    curves = {}
    for event in events:
        if isinstance(event, CurvePoint):
            curves.setdefault(event.name, []).append(event.x)
    assert curves == {
        "probe_loss": [1, 2, 3, 4, 5],
        "clean_fraction": [0, 1, 2],
        "holdout_accuracy": [0, 1, 2],
        "finetune_loss": [1, 2],
    }


def test_times_count_what_was_done(tmp_path):
    rows = {row["stage"]: row for row in run(tmp_path, epochs=1).times}
    assert rows["Extract features"]["items"] == SIZE
    assert rows["Epoch 1 of 1: fine-tune"]["per_second"] > 0
    data, _ = make_data(tmp_path)
    again = {row["stage"]: row for row in run(tmp_path / "other", epochs=1, data=data).times}
    assert again["Extract features"]["items"] == 0  # they came from the cache


def test_dying_anywhere_and_going_on_gives_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SHARE", 1e9)
    straight, total = run_killed_at(tmp_path / "straight", [])
    generator = np.random.default_rng(derive(0, "kills"))
    for attempt in range(2):
        moments = generator.integers(2, total, size=2)
        resumed, _ = run_killed_at(tmp_path / str(attempt), moments)
        assert_same(straight, resumed)
        assert "went on" in " ".join(resumed.notes)


def test_sparse_checkpoints_give_the_same_result_too(tmp_path):
    straight, total = run_killed_at(tmp_path / "straight", [])
    resumed, _ = run_killed_at(tmp_path / "killed", [total // 3, total - 5])
    assert_same(straight, resumed)


def test_damaged_newest_checkpoint_is_passed_over_and_said(tmp_path, monkeypatch):
    straight = run(tmp_path / "straight")

    def on_event(event):
        if isinstance(event, StageProgress) and event.stage == "Epoch 2 of 2: fine-tune":
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path / "x", on_event=on_event)
    newest = max((tmp_path / "x" / "checkpoint").iterdir())
    model = newest / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"\x07")
    resumed = run(tmp_path / "x")
    assert_same(straight, resumed)
    assert newest.name in " ".join(resumed.notes)


def test_resume_takes_the_threads_and_the_precision_of_the_start(tmp_path, monkeypatch):
    def on_event(event):
        if isinstance(event, StageProgress) and event.stage == "Epoch 1 of 2: fine-tune":
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path, on_event=on_event)
    torch.set_num_threads(2)
    bf16 = replace(make_config(), finetune=replace(make_config().finetune, precision="bf16"))
    result = run(tmp_path, config=bf16)
    assert (result.threads, result.precision) == (1, "fp32")


def _poison(monkeypatch, times):
    """Make the loss NaN at the fifth step, `times` times."""
    step = training.Finetuner._step
    calls = {"left": times, "seen": 0}

    def poisoned(self, *arguments):
        calls["seen"] += 1
        if calls["left"] and calls["seen"] >= 5:
            calls["left"] -= 1
            with torch.no_grad():
                self.model.head.bias.fill_(torch.nan)
        return step(self, *arguments)

    monkeypatch.setattr(training.Finetuner, "_step", poisoned)


def test_nan_goes_back_once_with_half_the_learning_rate(tmp_path, monkeypatch):
    _poison(monkeypatch, 1)
    result = run(tmp_path)
    assert np.isfinite(result.loss).all()
    assert "half the learning rate" in " ".join(result.notes)


def test_nan_again_fails_with_the_names_of_samples(tmp_path, monkeypatch):
    _poison(monkeypatch, 99)
    with pytest.raises(JobError, match=r"diverged twice.*square \d+.*lower finetune.learning_rate"):
        run(tmp_path)


def test_cancel_leaves_at_the_next_step(tmp_path):
    checks = []

    def check():
        checks.append(1)
        if len(checks) == 40:
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path, check=check)
    assert len(checks) == 40


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": np.zeros(SIZE, np.int64)}, "needs 2 classes"),
        ({"num_classes": 4}, "3 of 4 classes have a sample"),
        ({"names": ["one"]}, "names has 1 entries but there are 240 labels"),
    ],
)
def test_unusable_data_are_refused_in_one_sentence(tmp_path, changes, sentence):
    with pytest.raises(DataError, match=sentence):
        make_data(tmp_path, **changes)


def test_global_generator_is_as_before(tmp_path):
    before = torch.random.get_rng_state()
    run(tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
