"""The command `figure2` on coloured squares in the form of CIFAR-100 as Parquet."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_data
from PIL import Image

from turn_core.errors import IngestError
from turn_core.experiments import figure2, figure2_data
from turn_core.explore_config import ExploreConfig
from turn_core.pixels import Geometry

NAMES = ["blue", "green", "red"]


def write_cifar(folder):
    """Two shards, train and test; labels are numbers whose names stand in the schema."""
    label = {"names": NAMES, "_type": "ClassLabel"}
    declared = json.dumps({"info": {"features": {"fine_label": label}}})
    items = [(true, data) for _, true, data in small_data.squares()]
    folder.mkdir()
    for split, part in (("train", items[:48]), ("test", items[48:])):
        table = pa.table(
            {
                "image": [{"bytes": data, "path": None} for _, data in part],
                "fine_label": [NAMES.index(name) for name, _ in part],
                "coarse_label": [0] * len(part),
            }
        )
        table = table.replace_schema_metadata({"huggingface": declared})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    (folder / "human_labels.csv").write_text("index,clean_label,human_label\n0,1,2\n")
    return folder


@pytest.fixture
def cifar(tmp_path):
    return write_cifar(tmp_path / "cifar100")


@pytest.fixture
def quick(turn, backbone, cifar, tmp_path):
    """Draw with the tiny backbone into `out`."""

    def run(*more):
        options = ("--backbone", backbone, "--epochs", 1, "--projection", "pca", "--device", "cpu")
        return turn("figure2", "--data", cifar, "--out", tmp_path / "out", *options, *more)

    return run


def test_figure2__writes_figures_tables_and_a_report(quick, tmp_path):
    code, out, err = quick("--level", 0.1, "--level", 0.9)
    assert code == 0, err
    assert "Classes: blue, green, red." in out
    assert "fft at 90 % noise: separability" in out
    report = json.loads((tmp_path / "out/figure2.json").read_text())
    assert set(report["files"]) == {
        f"{stem}.{end}"
        for stem, ends in {
            "figure2": ("png", "svg", "html"),
            "curves": ("png", "svg", "html"),
            "coordinates": ("parquet", "csv"),
            "metrics": ("parquet", "csv"),
        }.items()
        for end in ends
    }
    assert all((tmp_path / "out" / name).exists() for name in report["files"])
    assert report["summary"]["held_out_by"] == "split"
    assert report["summary"]["num_points"] == 24
    with (tmp_path / "out/coordinates.csv").open() as file:
        assert {row["label"] for row in csv.DictReader(file)} == set(NAMES)
    assert "held-out images of cifar100" in (tmp_path / "out/figure2.html").read_text()


def test_figure2__only_draws_where_all_panels_are_there(quick, tmp_path, monkeypatch):
    assert quick("--level", 0.5)[0] == 0
    light = Image.open(tmp_path / "out/figure2.png").convert("RGB").getpixel((1, 1))
    monkeypatch.setattr(figure2, "run_exploration", None)
    code, _, err = quick("--level", 0.5, "--dark")
    assert code == 0, err
    dark = Image.open(tmp_path / "out/figure2.png").convert("RGB").getpixel((1, 1))
    assert (sum(light), sum(dark)) == (3 * 255, 0x10 + 0x14 + 0x1D)
    assert not list((tmp_path / "out/work").glob("*/training"))
    assert not list((tmp_path / "out/work").glob("*/images"))


def test_figure2__says_in_one_sentence_that_the_data_are_missing(turn, tmp_path):
    code, _, err = turn("figure2", "--data", tmp_path / "none", "--out", tmp_path / "out")
    assert code == 1
    assert err.startswith("turn-audit: there is nothing at ")
    (tmp_path / "empty").mkdir()
    code, _, err = turn("figure2", "--data", tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 1
    assert len(err.splitlines()) == 1


def test_figure2__refuses_a_level_above_one(turn, cifar, tmp_path):
    code, _, err = turn("figure2", "--data", cifar, "--out", tmp_path / "out", "--level", 90)
    assert code == 1
    assert "explore.levels must be from 0 to 1, got 90" in err
    assert not (tmp_path / "out").exists()


def test_plan__takes_the_fine_labels_and_not_the_table_beside_them(cifar):
    plan = figure2_data.plan_of(cifar, figure2.IngestLimits())
    assert (plan.form, plan.image_column, plan.label_column) == ("parquet", "image", "fine_label")


def test_images__that_changed_meanwhile_are_refused_in_one_sentence(cifar, tmp_path):
    limits, config = figure2.IngestLimits(), ExploreConfig()
    plan = figure2_data.plan_of(cifar, limits)
    chosen = figure2_data.choose(plan, config, tmp_path / "work", limits, lambda done: None)
    (cifar / "test-00000-of-00001.parquet").unlink()
    images = figure2_data.Images(plan, chosen, tmp_path / "images", limits, lambda done: None)
    with pytest.raises(IngestError, match=r"has changed since .* 24 are gone"):
        images(Geometry(16), lambda done, total: None)


@pytest.mark.real_data
def test_cifar100__gives_ten_random_classes_with_their_test_images(real_data, tmp_path):
    limits, config = figure2.IngestLimits(), ExploreConfig(max_samples=5000)
    plan = figure2_data.plan_of(real_data / "cifar100", limits)
    chosen = figure2_data.choose(plan, config, tmp_path, limits, lambda done: None)
    assert len(chosen.class_names) == 100
    assert "aquarium_fish" in chosen.class_names
    summary = chosen.selection.summary()
    assert len(chosen.shown_classes) == 10
    assert (summary["num_points"], summary["held_out_by"]) == (1000, "split")
    assert summary["num_train"] >= 4990  # without copies of test images
