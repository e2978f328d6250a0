import csv
import json

import pytest
import small_data

from turn_core import cli_explore
from turn_core.errors import ConfigError
from turn_core.ingest.source import SourceRef
from turn_core.jobs.context import JobInterrupted
from turn_core.jobs.tasks import explore as task
from turn_core.services import explore_source
from turn_core.services.explore_source import ExploreRequest


@pytest.fixture
def quick(turn, backbone, tmp_path):
    """Explore with the tiny backbone at one level into `out`."""

    def run(source, *more):
        options = ("--backbone", backbone, "--epochs", 1, "--projection", "pca", "--device", "cpu")
        return turn("explore", source, *options, "--out", tmp_path / "out", *more)

    return run


@pytest.fixture
def squares(tmp_path):
    return small_data.write_zip(tmp_path / "squares.zip", small_data.squares())


def test_explore_writes_tables_and_a_report_and_says_what_it_found(quick, squares, tmp_path):
    code, out, err = quick(squares, "--level", 0.2, "--level", 0.9)
    assert code == 0, err
    assert "fft at 90 % noise: separability" in out
    assert "run a first round" in out  # nobody has estimated the noise rate of this source
    with (tmp_path / "out/metrics.csv").open() as file:
        rows = [(row["method"], row["noise_level"]) for row in csv.DictReader(file)]
    assert rows == [
        ("before", ""), ("probe", "0.2"), ("probe", "0.9"), ("fft", "0.2"), ("fft", "0.9"),
    ]  # fmt: skip
    report = json.loads((tmp_path / "out/exploration.json").read_text())
    assert report["config"]["levels"] == [0.2, 0.9]
    assert report["summary"]["num_points"] > 20
    assert set(report["files"]) >= {"coordinates.parquet", "metrics.parquet"}
    assert all((tmp_path / "out" / name).exists() for name in report["files"])


def test_the_same_command_uses_what_is_there_and_a_stopped_one_goes_on(
    quick, squares, tmp_path, monkeypatch
):
    def stop(*_args, **_options):
        raise JobInterrupted

    with monkeypatch.context() as patched:
        patched.setattr(task, "write_tables", stop)
        code, _, err = quick(squares, "--level", 0.5)
    assert code == 130
    assert "goes on from here" in err
    code, first, err = quick(squares, "--level", 0.5)
    assert code == 0, err
    monkeypatch.setattr(task, "run_exploration", stop)  # nothing is computed a second time
    code, second, err = quick(squares, "--level", 0.5)
    assert (code, second) == (0, first), err


def test_classes_are_named(quick, squares, tmp_path):
    code, _, err = quick(squares, "--level", 0.5, "--class", "red", "--class", "green")
    assert code == 0, err
    report = json.loads((tmp_path / "out/exploration.json").read_text())
    assert sorted(report["summary"]["class_names"]) == ["green", "red"]
    code, _, err = quick(squares, "--class", "red", "--class", "violet")
    assert code == 1
    assert "there is no class 'violet'; the data have blue, green, red" in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--level", 2), "explore.levels must be from 0 to 1"),
        (("--noise", "loud"), "explore.noise must be one of"),
        (("--noise", "asymmetric_map"), "noise.mapping"),
        (("--map", "red-green"), "--map must be written A=B, got 'red-green'"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(quick, squares, tmp_path, options, told):
    code, _, err = quick(squares, *options)
    assert code == 1
    assert told in err
    assert not (tmp_path / "out").exists()


def test_flips_and_groups_are_numbered_by_the_classes_of_the_data(tmp_path):
    request = ExploreRequest(
        source=SourceRef(kind="digits"),
        out=tmp_path,
        settings={"noise": "asymmetric_map"},
        flips={"cat": "dog"},
        groups={"cat": "pet", "dog": "pet"},
    )
    config = explore_source.configuration(request, ["owl", "cat", "dog"], allow_hub=False)
    assert config.mapping == (0, 2, 2)
    assert config.superclasses == (1, 0, 0)
    with pytest.raises(ConfigError, match="no class 'dog'"):
        explore_source.configuration(request, ["owl", "cat"], allow_hub=False)


def test_summary_names_every_panel(tmp_path):
    panel = {"backbone": "net", "method": "fft", "noise_level": 0.125, "metrics": {"cka": 0.5}}
    report = {"panels": [panel], "sentences": ["It helps."], "files": ["metrics.csv"]}
    assert cli_explore.summary(report, tmp_path).splitlines() == [
        "net fft at 12.5 % noise: cka 0.500",
        "It helps.",
        f"Written to {tmp_path}: metrics.csv, exploration.json.",
    ]
