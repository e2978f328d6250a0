import csv
import json

import pytest
import small_data

from turn_core import cli_search
from turn_core.jobs.tasks import search as task


@pytest.fixture
def search(turn, backbone, tmp_path):
    """Search with the tiny backbone among two settings into `out`."""

    def run(source, *more):
        options = ("--backbone", backbone, "--optimizer", "sgd", "--weight-decay", 1e-4)
        sizes = ("--batch-size", 16, "--device", "cpu", "--out", tmp_path / "out")
        return turn("search", source, *options, *sizes, *more)

    return run


def test_search_writes_what_it_found_and_an_audit_uses_it(search, turn, backbone, tmp_path):
    squares = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    rates = ("--learning-rate", 1e-5, "--learning-rate", 0.1)
    code, out, err = search(squares, *rates)
    assert code == 0, err
    assert "3 settings on 72 samples in" in out
    report = json.loads((tmp_path / "out/search.json").read_text())
    assert report["num_settings"] == 3
    assert report["accuracy"] >= report["preset_accuracy"]
    with (tmp_path / "out/trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in rows[1:]] == [1e-5, 0.1]
    assert (tmp_path / "out/trials.parquet").exists()
    code, again, err = search(squares, *rates)
    assert (code, again) == (0, out), err

    report["probe"]["learning_rate"] = 0.07
    (tmp_path / "out/search.json").write_text(json.dumps(report))
    options = ("--backbone", backbone, "--finetune-epochs", 0, "--device", "cpu")
    code, _, err = turn(
        "audit", squares, *options, "--out", tmp_path / "out",
        "--settings", tmp_path / "out/search.json",
    )  # fmt: skip
    assert code == 0, err
    audited = json.loads((tmp_path / "out/report.json").read_text())
    assert audited["config"]["probe"]["learning_rate"] == 0.07
    assert audited["config"]["probe"]["batch_size"] == report["probe"]["batch_size"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--learning-rate", 1000), "search.learning_rates must be from"),
        (("--optimizer", "adam"), "search.optimizers must be one of sgd, adamw"),
        (("--backbone", "no-such"), "no-such"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(search, tmp_path, options, told):
    (tmp_path / "x.zip").touch()
    code, _, err = search(tmp_path / "x.zip", *options)
    assert code == 1
    assert told in err
    assert not (tmp_path / "out").exists()


def test_ray_that_is_not_installed_is_one_sentence(search, tmp_path, monkeypatch):
    squares = small_data.write_zip(tmp_path / "squares.zip", small_data.squares(per_class=6))
    monkeypatch.setattr(task.ray_link, "installed", lambda: False)
    code, _, err = search(squares, "--ray")
    assert code == 1
    assert "this needs Ray, which is not installed: run `pip install" in err


def test_summary_says_where_nothing_is_better_than_the_preset(tmp_path):
    report = {
        "probe": {
            "optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 1e-4, "batch_size": 128,
        },
        "num_settings": 151, "num_failed": 2, "num_used": 1000, "num_held_out": 200,
        "seconds": 12.4, "accuracy": 0.5, "preset_accuracy": 0.5, "files": ["trials.csv"],
    }  # fmt: skip
    assert cli_search.summary(report, tmp_path).splitlines() == [
        "151 settings on 1,000 samples in 12 CPU seconds, 2 of them diverged.",
        "No setting predicts more held-out labels than the preset.",
        "The preset predicts 50.0%.",
        f"Written to {tmp_path}: trials.csv, search.json.",
    ]
    better = cli_search.summary(report | {"accuracy": 0.55}, tmp_path).splitlines()[1]
    assert better == (
        "Best: sgd, learning rate 0.05, weight decay 0.0001, batches of 128: 55.0% of 200 "
        "held-out labels."
    )
