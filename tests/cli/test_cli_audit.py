import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import small_data

from turn_core.config import Settings
from turn_core.export.columns import COLUMN_NAMES
from turn_core.services import audit, projects, runs
from turn_core.services.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(turn, backbone, tmp_path):
    """Audit with the tiny backbone and one epoch into `out`."""

    def run(source, *more):
        options = ("--backbone", backbone, "--finetune-epochs", 1, "--out", tmp_path / "out")
        return turn("audit", source, *options, *more)

    return run


def runs_in(out):
    workspace = Workspace(Settings(home=out / "workspace", database_url=""))
    try:
        found = projects.list_projects(workspace)
        return [run for p in found for run in runs.list_runs(workspace, p.project_id)]
    finally:
        workspace.close()


def test_audit_of_a_zip_writes_labels_and_a_report(quick, tmp_path):
    items = small_data.squares()
    code, out, err = quick(small_data.write_zip(tmp_path / "squares.zip", items))
    assert code == 0, err
    assert "Estimated noise rate" in out
    labels = pd.read_parquet(tmp_path / "out/labels.parquet")
    assert tuple(labels.columns) == COLUMN_NAMES
    assert len(labels) == len(items) == 72
    csv = pd.read_csv(tmp_path / "out/labels.csv", dtype=str, keep_default_na=False)
    assert list(csv["given_label"]) == list(labels["given_label"])
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["num_samples"] == 72
    assert report["detection"] is None  # no true labels in a ZIP of class folders
    assert 0 <= report["noise_rate"]["low"] <= report["noise_rate"]["value"] <= 1
    assert report["config"]["finetune"]["epochs"] == 1
    assert {"turn_audit", "environment", "seed"} <= set(report)


def test_every_stage_has_its_time_and_rate(quick, tmp_path):
    quick(small_data.write_zip(tmp_path / "squares.zip", small_data.squares()))
    stages = json.loads((tmp_path / "out/report.json").read_text())["stages"]
    assert stages[0]["stage"] == "import"
    assert len(stages) >= 6
    for stage in stages:
        assert stage["seconds"] >= 0
        assert stage["items"] >= 0
        assert "per_second" in stage


def test_true_labels_give_figures_of_detection(quick, tmp_path):
    source = small_data.write_table(tmp_path / "squares", small_data.squares())
    columns = ("--label-column", "label", "--true-label-column", "truth")
    code, out, err = quick(source, *columns, "--finetune-epochs", 0)
    assert code == 0, err
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert set(report["detection"]) == {
        "auroc", "average_precision", "precision", "recall", "lift_100",
    }  # fmt: skip
    assert report["detection"]["auroc"] > 0.9  # three colours are easy to tell apart
    assert "auroc" in out


def test_same_command_again_uses_the_run_and_other_settings_the_import(quick, tmp_path):
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    quick(source)
    first = (tmp_path / "out/labels.csv").read_bytes()
    code, _, err = quick(source)
    assert (code, err) == (0, "")  # no job ran
    assert (tmp_path / "out/labels.csv").read_bytes() == first
    quick(source, "--seed", 1)
    assert [run.number for run in runs_in(tmp_path / "out")] == [2, 1]
    assert json.loads((tmp_path / "out/report.json").read_text())["seed"] == 1


def test_changed_data_are_imported_anew(quick, tmp_path):
    source = tmp_path / "squares.zip"
    quick(small_data.write_zip(source, small_data.squares()), "--finetune-epochs", 0)
    quick(small_data.write_zip(source, small_data.squares(per_class=20)), "--finetune-epochs", 0)
    assert json.loads((tmp_path / "out/report.json").read_text())["num_samples"] == 60


def test_ctrl_c_stops_cleanly_and_the_same_command_resumes(backbone, tmp_path, turn):
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares(per_class=60))
    out = tmp_path / "out"
    command = ["audit", source, "--backbone", backbone, "--finetune-epochs", 20, "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "turn_core", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "fine-tune" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 130
    assert "again goes on from here" in rest
    assert "Traceback" not in rest
    assert not (out / "report.json").exists()
    (run,) = runs_in(out)
    assert run.state == "queued"
    code, _, err = turn(*command)
    assert code == 0, err
    assert [r.run_id for r in runs_in(out)] == [run.run_id]


def refusal(code, err):
    """Return the one line on stderr (after the progress) with which the command ended at 1."""
    last = err.strip().splitlines()[-1]
    assert code == 1
    assert last.startswith("turn-audit: ")
    assert "Traceback" not in err
    return last


def test_text_file_named_zip(quick, tmp_path):
    path = tmp_path / "notes.zip"
    path.write_text("these are notes\n")
    code, _, err = quick(path)
    assert "notes.zip" in refusal(code, err)
    assert not (tmp_path / "out/labels.csv").exists()


def test_csv_without_a_label_column(quick, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("table.csv", "file_name,width\n0.png,16\n")
        archive.writestr("0.png", small_data.png("red", 0))
    code, _, err = quick(tmp_path / "a.zip")
    assert "label" in refusal(code, err)
    assert runs_in(tmp_path / "out") == []


def test_one_class_only(quick, tmp_path):
    items = [item for item in small_data.squares() if item[0] == "red"]
    code, _, err = quick(small_data.write_zip(tmp_path / "red.zip", items))
    assert "two classes" in refusal(code, err)


def test_two_samples_in_a_class_are_scored_and_nothing_is_cut_from_them(quick, tmp_path):
    items = small_data.squares(wrong_every=1000)
    blue = [item for item in items if item[0] == "blue"][:2]
    items = [item for item in items if item[0] != "blue"] + blue
    code, _, err = quick(small_data.write_zip(tmp_path / "few.zip", items))
    assert code == 0, err
    labels = pd.read_parquet(tmp_path / "out/labels.parquet")
    assert labels["clean_probability"].notna().all()
    few = labels[labels["given_label"] == "blue"]
    assert len(few) == 2
    assert (few["gmm_fallback"] != "none").all()


def test_missing_source_unknown_backbone_and_bad_tau_are_refused_before_any_work(turn, tmp_path):
    out = ("--out", tmp_path / "out")
    code, _, err = turn("audit", tmp_path / "none.zip", *out)
    assert "none.zip" in refusal(code, err)
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares(per_class=2))
    code, _, err = turn("audit", source, *out, "--backbone", "resnet-5000")
    told = refusal(code, err)
    assert "resnet-5000" in told
    assert "turn-mini" in told
    code, _, err = turn("audit", source, *out, "--tau", "2")
    told = refusal(code, err)
    assert "cleansing.threshold" in told
    assert "2" in told
    assert not (tmp_path / "out").exists()


def test_unreachable_hub(turn, tmp_path):
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    code, _, err = turn("audit", source, "--out", tmp_path / "out", "--backbone", "vit-b16")
    told = refusal(code, err)
    assert "ViT-B/16" in told
    assert "hub" in told
    assert "turn-mini" in told
    assert not (tmp_path / "out/report.json").exists()


def test_full_disk(quick, tmp_path, monkeypatch):
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    monkeypatch.setattr("turn_core.durable.free_bytes", lambda folder: 0)
    code, _, err = quick(source)
    told = refusal(code, err)
    assert "disk" in told
    assert "free" in told
    assert runs_in(tmp_path / "out") == []


def test_column_option_for_a_source_without_table(quick, tmp_path):
    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    code, _, err = quick(source, "--label-column", "species")
    told = refusal(code, err)
    assert "species" in told
    assert "no table" in told


def test_second_audit_of_the_same_folder_is_kept_out(quick, tmp_path):
    import fcntl

    source = small_data.write_zip(tmp_path / "squares.zip", small_data.squares())
    home = tmp_path / "out/workspace"
    home.mkdir(parents=True)
    with (home / "audit.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = quick(source)
    assert "another audit" in refusal(code, err)


def test_configuration_is_the_preset_with_what_the_options_change(tmp_path):
    from turn_core.ingest.source import SourceRef

    request = audit.AuditRequest(
        source=SourceRef(kind="digits"),
        out=tmp_path,
        method="turn-plus",
        tau=0.4,
        linear_probe_epochs=7,
        seed=3,
    )
    config = audit.configuration(request, allow_hub=False)
    assert (config.cleansing.threshold, config.probe.epochs, config.seed) == (0.4, 7, 3)
    assert (config.finetune.epochs, config.allow_hub, config.backbone) == (4, False, "turn-mini")
    assert config.method == "turn-plus"


def test_demo_audits_the_digits_of_which_30_percent_are_wrong(turn, backbone, tmp_path):
    options = ("--backbone", backbone, "--linear-probe-epochs", 5, "--finetune-epochs", 0)
    code, out, err = turn("demo", "--out", tmp_path / "out", *options)
    assert code == 0, err
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["num_samples"] == 1797
    assert report["metrics"]["num_errors"] == pytest.approx(0.3 * 1797, rel=0.1)
    assert report["detection"]["auroc"] > 0.6  # a random network of 500 weights
    assert "Against the true labels" in out
