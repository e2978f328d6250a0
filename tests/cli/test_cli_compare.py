import csv
import json

import numpy as np
import pytest
import small_data

from turn_core.experiments import compare_methods
from turn_core.jobs.context import JobInterrupted


@pytest.fixture
def squares(tmp_path):
    return small_data.write_zip(tmp_path / "squares.zip", small_data.squares())


@pytest.fixture
def quick(turn, backbone, tmp_path):
    """Compare GCE and CE with one seed into `out`."""

    def run(source, *more):
        options = ("--backbone", backbone, "--method", "ce", "--method", "gce", "--seeds", 1)
        return turn(
            "compare", source, *options, "--device", "cpu", "--out", tmp_path / "out", *more
        )

    return run


def test_compare_writes_tables_and_says_what_it_measured(quick, squares, tmp_path):
    code, out, err = quick(squares)
    assert code == 0, err
    assert "| GCE, linear probe | " in out
    assert "against given labels" in out
    report = json.loads((tmp_path / "out/comparison.json").read_text())
    assert report["config"]["methods"] == ["ce", "gce"]
    assert {row["method"] for row in report["methods"]} == {"ce", "gce"}
    with (tmp_path / "out/comparison.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["ce", "gce"]
    assert all((tmp_path / "out" / name).exists() for name in report["files"])


def test_a_stopped_comparison_goes_on_and_a_finished_one_is_used(quick, squares, monkeypatch):
    whole = compare_methods.run_cell

    def stop(method, *rest):
        if method == "gce":
            raise JobInterrupted
        return whole(method, *rest)

    with monkeypatch.context() as patched:
        patched.setattr("turn_core.experiments.compare.run_cell", stop)
        code, _, err = quick(squares)
    assert code == 130
    assert "goes on from here" in err
    ran = []

    def seen(method, *rest):
        ran.append(method)
        return whole(method, *rest)

    monkeypatch.setattr("turn_core.experiments.compare.run_cell", seen)
    code, first, err = quick(squares)
    assert (code, ran) == (0, ["gce"]), err
    code, second, err = quick(squares)
    assert (code, second, ran) == (0, first, ["gce"]), err


def test_nmtune_runs_on_features_brought_as_a_file(turn, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    features = (rng.standard_normal((80, 6)) + 2 * labels[:, None]).astype(np.float32)
    np.save(tmp_path / "x.npy", features)
    rows = [f"{label},{'sketch' if n >= 60 else 'photo'}" for n, label in enumerate(labels)]
    (tmp_path / "y.csv").write_text("label,domain\n" + "\n".join(rows) + "\n")
    options = ("--features", tmp_path / "x.npy", "--labels", tmp_path / "y.csv", "--seeds", 1)
    code, out, err = turn(
        "compare", *options, "--outside", "sketch", "--device", "cpu", "--out", tmp_path / "out"
    )
    assert code == 0, err
    assert out.startswith("| method | best | last | other domain | seconds | SVE | LSVR |")
    assert "| NMTune | " in out
    report = json.loads((tmp_path / "out/comparison.json").read_text())
    assert report["config"]["methods"] == ["lp", "mlp", "nmtune"]
    assert report["summary"]["num_outside"] == 20


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "takes a SOURCE or --features FILE"),
        (("a.zip", "--features", "x.npy"), "takes a SOURCE or --features FILE"),
        (("a.zip", "--labels", "y.npy"), "--labels goes with --features"),
        (("a.zip", "--method", "magic"), "compare.methods must be one of"),
        (("--features", "x.npy", "--method", "turn"), "turn needs images"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(turn, tmp_path, options, told):
    code, _, err = turn("compare", *options, "--out", tmp_path / "out")
    assert code == 1
    assert told in err
    assert not (tmp_path / "out").exists()
