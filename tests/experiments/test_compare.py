"""A comparison on features of well-separated classes: its cells, and what one of them tells."""

from dataclasses import replace

import numpy as np
import pytest

from turn_core.compare_config import METHODS, TUNERS, CompareConfig, method_title
from turn_core.config import METHOD_TITLES
from turn_core.errors import ConfigError, DataError, JobCancelled, JobError
from turn_core.experiments import compare, compare_methods, compare_tables
from turn_core.experiments.compare import CompareInputs, run_comparison, stage_names
from turn_core.experiments.compare_data import choose
from turn_core.experiments.study_data import Candidates
from turn_core.methods import baselines, tuners
from turn_core.methods.progress import StageProgress
from turn_core.types.comparing import Cell

pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = CompareConfig(methods=("ce", "gce"), seeds=2, device="cpu")


def make_inputs(folder, config, *, size=240, noise=0.3, outside=0):
    rng = np.random.default_rng(0)
    true = np.arange(size + outside) % 3
    centers = 2 * rng.standard_normal((3, 6))
    features = (centers[true] + rng.standard_normal((len(true), 6))).astype(np.float32)
    wrong = rng.random(len(true)) < noise
    labels = np.where(wrong, (true + 1) % 3, true)
    candidates = Candidates(
        ids=np.arange(len(true)),
        labels=labels,
        true=true,
        trusted=np.zeros(len(true), np.bool_),
        usable=np.ones(len(true), np.bool_),
        split=[None] * size + ["sketch"] * outside,
        image_keys=[str(row) for row in range(len(true))],
    )
    chosen = choose(candidates, config)
    return CompareInputs(
        chosen=chosen,
        image_keys=[str(row) for row in chosen.ids],
        work=folder,
        features=features[chosen.rows],
    )


def test_methods_are_those_of_the_registries():
    of = {
        group: [name for name, info in METHODS.items() if info.group == group]
        for group in ("turn", "probe", "tuner", "fft")
    }
    assert of["turn"] == list(METHOD_TITLES)
    assert of["probe"] == list(baselines)
    assert of["tuner"] == list(tuners) == list(TUNERS)
    assert {name.removesuffix("-fft") for name in of["fft"]} <= set(baselines)
    assert method_title("gce-fft") == "GCE, full fine-tuning"


def test_every_method_runs_with_every_seed(tmp_path):
    told = []
    found = run_comparison(
        make_inputs(tmp_path, QUICK), QUICK, on_cell=told.append, on_event=lambda event: None
    )
    assert [(cell.method, cell.seed) for cell in found.cells] == QUICK.cells()
    assert QUICK.cells() == [("ce", 0), ("gce", 0), ("ce", 1), ("gce", 1)]
    assert told == list(found.cells)
    for cell in found.cells:
        assert len(cell.curve) >= 20
        assert cell.best_accuracy >= cell.last_accuracy > 0.6
        assert cell.outside_accuracy is None
    assert found.cells[0].curve != found.cells[2].curve  # another draw of the hold-out


def test_accuracy_is_that_of_the_method_on_the_held_out_samples(tmp_path):
    config = replace(QUICK, methods=("gce",), seeds=1)
    inputs = make_inputs(tmp_path, config)
    (cell,) = run_comparison(inputs, config).cells
    split = compare.split_of(inputs.chosen, inputs.image_keys, config, 0)
    data = compare_methods.BaselineData(
        features=inputs.features[split.train],
        labels=inputs.chosen.labels[split.train],
        test_features=inputs.features[split.test],
        test_labels=inputs.chosen.best[split.test],
        num_classes=3,
    )
    expected = baselines["gce"](data, compare_methods.short_budget("gce"), seed=0)
    assert cell.curve == pytest.approx(expected.curve)


def test_what_is_done_is_not_done_again(tmp_path):
    inputs = make_inputs(tmp_path, QUICK)
    whole = run_comparison(inputs, QUICK).cells
    new = []
    again = run_comparison(inputs, QUICK, done=whole[:3], on_cell=new.append).cells
    assert [(cell.method, cell.seed) for cell in new] == [("gce", 1)]
    assert again[3].curve == whole[3].curve
    assert run_comparison(inputs, QUICK, done=whole, on_cell=new.append).cells == whole
    assert len(new) == 1


def test_a_method_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise JobError("the loss is not finite")

    monkeypatch.setattr(compare_methods, "baselines", {**baselines, "gce": fail})
    config = replace(QUICK, methods=("gce", "turn", "ce"), seeds=1)
    gce, turn, ce = run_comparison(make_inputs(tmp_path, config), config).cells
    assert (gce.error, gce.last_accuracy) == ("the loss is not finite", None)
    assert turn.error == "TURN needs images: with features alone it cannot be run"
    assert ce.error is None

    def cancel(*_args, **_options):
        raise JobCancelled("stop")

    monkeypatch.setattr(compare_methods, "baselines", {**baselines, "gce": cancel})
    with pytest.raises(JobCancelled):
        run_comparison(make_inputs(tmp_path, config), config)


def test_tuners_tell_the_shape_of_the_features_and_another_domain(tmp_path):
    config = CompareConfig(methods=TUNERS, seeds=1, outside=("sketch",), device="cpu")
    inputs = make_inputs(tmp_path, config, size=120, outside=30)
    lp, mlp, nmtune = run_comparison(inputs, config).cells
    assert lp.last_accuracy > 0.5
    for cell in (lp, mlp, nmtune):
        assert (len(cell.curve), cell.error) == (30, None)
        assert 0 < cell.outside_accuracy <= 1
        assert cell.measures["sve_before"] == lp.measures["sve_before"]
    assert lp.measures["sve_after"] == lp.measures["sve_before"]
    assert nmtune.measures["lsvr_after"] != nmtune.measures["lsvr_before"]


def test_stages_are_told_as_they_are_listed(tmp_path):
    events: list[StageProgress] = []
    run_comparison(make_inputs(tmp_path, QUICK), QUICK, on_event=events.append)
    assert list(dict.fromkeys(event.stage for event in events)) == stage_names(
        QUICK, with_images=False
    )
    last = [event for event in events if event.stage == "CE, linear probe, seed 0"][-1]
    assert last.step == last.total
    views = stage_names(replace(QUICK, methods=("unicon",)), with_images=True)
    assert views[:3] == ["Read images", "Extract features", "Extract views"]


def test_summary_is_mean_and_spread_with_the_best_first(tmp_path):
    def cell(method, seed, *curve, **more):
        return Cell(method=method, seed=seed, curve=curve, seconds=2.0, **more)

    cells = [
        cell("ce", 0, 0.5, 0.6),
        cell("gce", 0, 0.9, 0.7),
        cell("ce", 1, 0.5, 0.8),
        cell("gce", 1, 0.9, 0.9),
        Cell(method="elr", seed=0, error="it diverged"),
    ]
    first, second, third = compare_tables.summarize(cells, ("ce", "gce", "elr"))
    assert (first.method, first.num_ready) == ("gce", 2)
    assert first.last == pytest.approx((0.8, 0.02**0.5))
    assert first.best == pytest.approx((0.9, 0.0))
    assert second.last.mean == pytest.approx(0.7)
    assert (third.method, third.last, third.errors) == ("elr", None, ("it diverged",))
    assert compare_tables.lead(cells, ("ce", "gce", "elr")) == (
        "GCE, linear probe is ahead of CE, linear probe by 10.0 points on average, in 2 of 2 seeds."
    )
    assert compare_tables.lead(cells[:1], ("ce",)) is None
    names = compare_tables.write_tables(cells, ("ce", "gce", "elr"), tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    assert "| GCE, linear probe | 90.0 ± 0.0 | 80.0 ± 14.1 | 2.0 |" in text
    assert "ELR, linear probe: it diverged" in text
    assert (tmp_path / "comparison.csv").read_text().splitlines()[1].startswith("ce,0,0.6,0.6,")
    assert all((tmp_path / name).stat().st_size for name in names)


def test_what_was_measured_is_said_with_its_doubt():
    told = compare_tables.measured(
        {"num_held_out": 400, "labels": {"true": 0, "given": 400}, "held_out_by": "share"}
    )
    assert "400 held-out samples a seed, against given labels" in told
    assert "Given labels may be wrong" in told
    assert "uncertain by up to 4.9 points" in told
    sure = compare_tables.measured({"num_held_out": 400, "labels": {"true": 400}, "num_outside": 9})
    assert "may be wrong" not in sure
    assert "Other domain: 9 samples" in sure


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"methods": ()}, "must name one or more of turn"),
        ({"methods": ("magic",)}, r"compare\.methods must be one of"),
        ({"seeds": 0}, r"compare\.seeds must be from 1"),
        ({"budget": "long"}, r"compare\.budget"),
        ({"holdout_fraction": 0.9}, r"compare\.holdout_fraction"),
        ({"backbone": ""}, r"compare\.backbone"),
    ],
)
def test_settings_out_of_range_are_refused(change, told):
    with pytest.raises(ConfigError, match=told):
        CompareConfig(**change)


def test_without_images_and_features_there_is_nothing_to_compare_on(tmp_path):
    inputs = replace(make_inputs(tmp_path, QUICK), features=None)
    with pytest.raises(DataError, match="images or features"):
        run_comparison(inputs, QUICK)
