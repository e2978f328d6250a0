"""Tables of the paper on miniatures: what is run, kept, gone on with, and named as missing."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import reproduce_data
from explore_bench import tiny_backbone

from turn_core.errors import BackboneError, ConfigError
from turn_core.experiments.reproduce import run as running
from turn_core.experiments.reproduce.plan import TABLES
from turn_core.experiments.reproduce.run import ReproduceRequest, reproduce

pytestmark = pytest.mark.usefixtures("one_thread")


class KilledError(BaseException):
    """Stands for SIGKILL: nothing may tidy up."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return reproduce_data.write_cifar(tmp_path_factory.mktemp("data") / "cifar100").parent


@pytest.fixture
def request_for(data, tmp_path):
    """A request for a table in `tmp_path/out`, on the miniature with the tiny backbone."""

    def make(table, **changes):
        values = {"table": table, "out": tmp_path / "out", "data": data, "backbones": ("tiny",)}
        return ReproduceRequest(**{**values, "seeds": 1, "device": "cpu", **changes})

    return make


def run(request, **options):
    return reproduce(request, load=tiny_backbone, **options)


def cells(out):
    found = [json.loads(path.read_text()) for path in sorted((out / "cells").glob("*.json"))]
    return {cell["row"]: cell for cell in found}


def test_table2__has_every_method_of_a_column(request_for, tmp_path):
    report = run(request_for("table2", noises=("symmetric-0.6",)))
    assert (report.num_finished, report.num_wanted, report.missing) == (9, 9, ())
    found = cells(tmp_path / "out")
    size = found["turn"]["num_train"]
    assert {cell["num_train"] for cell in found.values()} == {size}
    assert 112 <= size <= 116  # 95 % of 4 x 30
    assert {name: cell["forwards"] / size for name, cell in found.items() if name != "turn"} == {
        **dict.fromkeys(("fft-ce", "fft-gce", "fft-elr"), 15),
        **dict.fromkeys(("lp-ce", "lp-gce", "lp-elr"), 1),
        "lp-dividemix": 5,
        "lp-unicon": 7,
    }
    turn = found["turn"]
    assert turn["forwards"] == 4 * size + 3 * sum(turn["subset_sizes"])
    assert (len(turn["curve"]), len(turn["subset_purity"])) == (4, 4)
    assert len({cell["noise_rate"] for cell in found.values()}) == 1
    for cell in found.values():
        assert cell["best"] == max(cell["curve"])
        assert cell["last"] == cell["curve"][-1]
        assert cell["seconds"] >= cell["extraction_seconds"] >= 0
    page = (tmp_path / "out/table2.md").read_text()
    assert "| LP-FFT, TURN | 90.50 / 90.50 | " in page
    assert "superclasses 0, 4, 7, 11, 4 classes, 120 + 24 images" in page
    rows = pq.read_table(tmp_path / "out/table2.parquet").to_pylist()
    assert [row["row"] for row in rows] == [row.name for row in TABLES["table2"].rows[:9]]
    assert {row["paper_backbone"] for row in rows} == {"vit-b16"}


def test_every_noise__gives_wrong_labels(request_for, tmp_path):
    report = run(request_for("table2", methods=("lp-ce",)))
    assert (report.num_finished, report.missing) == (7, ())
    rows = pq.read_table(tmp_path / "out/table2.parquet").to_pylist()
    rates = {row["noise"]: row["noise_rate"] for row in rows}
    assert all(0.05 < rate < 0.8 for rate in rates.values()), rates
    assert rates["symmetric-0.9"] > rates["symmetric-0.6"] > rates["human"]
    assert {row["paper_best"] for row in rows if row["noise"] == "human"} == {None}


def test_finished_cells__are_not_run_again(request_for, tmp_path, monkeypatch):
    wanted = request_for("table2", noises=("symmetric-0.6",), methods=("lp-ce", "lp-gce"))
    run(wanted)
    before = (tmp_path / "out/table2.md").read_bytes()
    monkeypatch.setattr(running, "run_cell", None)
    assert run(wanted).num_finished == 2
    assert run(replace(wanted, methods=("lp-ce",))).num_finished == 2  # others stay in the table
    assert (tmp_path / "out/table2.md").read_bytes() == before


def test_more_seeds__add_a_spread(request_for, tmp_path):
    wanted = request_for("table2", noises=("symmetric-0.6",), methods=("lp-ce",))
    run(wanted)
    run(replace(wanted, seeds=2))
    best = [r["best"] for r in pq.read_table(tmp_path / "out/table2.parquet").to_pylist()]
    text = f"{np.mean(best):.1f} ± {np.std(best, ddof=1):.1f}"
    assert f"| {text} | " in (tmp_path / "out/table2.md").read_text()


def test_killed_turn__goes_on_and_ends_alike(request_for, tmp_path):
    wanted = request_for("table2", noises=("symmetric-0.6",), methods=("turn",))
    run(wanted)
    (whole,) = cells(tmp_path / "out").values()
    other, told = replace(wanted, out=tmp_path / "other"), []

    def die(event):
        told.append(event)
        if len(told) in (30, 90, 99):
            raise KilledError

    for _ in range(3):
        with pytest.raises(KilledError):
            run(other, on_event=die)
    run(other, on_event=die)
    (again,) = cells(tmp_path / "other").values()
    assert again["curve"] == whole["curve"]
    assert again["subset_sizes"] == whole["subset_sizes"]
    assert not list((tmp_path / "other/work").iterdir())


def test_table4__takes_parts_away(request_for, tmp_path):
    run(request_for("table4"))
    found = cells(tmp_path / "out")
    size = found["turn"]["num_train"]
    assert found["turn-cleansing-none"]["subset_sizes"] == [size] * 4
    assert len(set(found["turn-cleansing-once"]["subset_sizes"])) == 1
    assert found["turn-cleansing-once"]["forwards"] < found["turn"]["forwards"]
    bare = found["turn-no-probe"]
    assert bare["probe_accuracy"] == 25.0  # a head of zeros always says the first of four
    assert "| LP, cleansing once | 83.00 | " in (tmp_path / "out/table4.md").read_text()


def test_table1__tells_ratios(request_for, tmp_path):
    run(request_for("table1", methods=("lp-ce", "lp-dividemix")))
    page = (tmp_path / "out/table1.md").read_text()
    assert "| LP, DivideMix | 574.1 (5.29) | " in page
    assert "| 5.00 |" in page


def test_what_is_not_there__is_named(request_for, tmp_path, data):
    report = run(request_for("table2", data=None))
    assert report.num_finished == 0
    assert report.missing == ("CIFAR-100: no folder of images was given; name it with --data",)
    assert "## Not run" in (tmp_path / "out/table2.md").read_text()
    report = run(request_for("table3"))
    assert [text.partition(":")[0] for text in report.missing] == ["Clothing1M", "WebVision"]
    bare = reproduce_data.write_cifar(tmp_path / "bare", human=False)
    report = run(request_for("table2", data=bare, noises=("human",)))
    (sentence,) = report.missing
    assert sentence.startswith("tiny, human labels (CIFAR-100N): there is no human_labels.csv")

    def refuse(name):
        raise BackboneError("no network")

    report = reproduce(request_for("table5", backbones=()), load=refuse)
    assert report.missing == ("vit-l16: no network", "clip-l14: no network")


def test_unknown_names__are_refused(request_for):
    with pytest.raises(ConfigError, match="no table 'table7'"):
        run(request_for("table7"))
    with pytest.raises(ConfigError, match="has no 'mixup'"):
        run(request_for("table2", methods=("mixup",)))
    with pytest.raises(ConfigError, match="seeds must be from 1"):
        request_for("table2", seeds=0)


def test_table3__reads_clothing1m_in_its_own_layout(request_for, tmp_path):
    folder = reproduce_data.write_clothing(tmp_path / "data/clothing1m")
    wanted = request_for("table3", data=folder.parent, methods=("lp-ce", "turn"))
    report = run(wanted)
    assert report.num_finished == 2
    assert [text.partition(":")[0] for text in report.missing] == ["WebVision"]
    found = cells(tmp_path / "out")
    assert found["lp-ce"]["noise_rate"] is None
    assert (found["lp-ce"]["num_test"], found["lp-ce"]["num_classes"]) == (6, 2)
    assert found["turn"]["subset_purity"] == []
    assert "clothing1m, 2 classes, 24 + 6 images" in (tmp_path / "out/table3.md").read_text()
