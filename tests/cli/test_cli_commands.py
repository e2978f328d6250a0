import os
import subprocess
import sys
from pathlib import Path

import pytest

from turn_core import __version__, cli
from turn_core.config import Settings
from turn_core.services import doctor

ROOT = Path(__file__).parents[2]


def settings_at(home, **more):
    return Settings(home=home, **{"database_url": "", **more})


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for name in ("up", "worker", "migrate", "doctor", "audit", "explore", "demo"):
        assert f"\n    {name} " in text


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_wrong_arguments_end_with_two(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["audit", "x.zip"])
    assert ended.value.code == 2
    assert "--out" in capsys.readouterr().err


def test_migrate_makes_the_database(turn, tmp_path):
    code, out, _ = turn("migrate")
    assert code == 0
    assert (tmp_path / "home/turn.db").exists()
    assert "up to date" in out


def test_wrong_variable_is_one_sentence(turn, monkeypatch):
    monkeypatch.setenv("TURN_PORT", "eighty")
    code, _, err = turn("migrate")
    assert code == 1
    assert err == "turn-audit: TURN_PORT must be a port number from 1 to 65535, got 'eighty'\n"


def test_doctor_prints_a_line_per_check_and_what_to_mend(turn):
    code, out, _ = turn("doctor")
    assert code == 0
    for name, _ in doctor.CHECKS:
        assert f" {name} " in out
    assert "WARN worker" in out
    assert "-> `make run` starts one" in out


def test_doctor_works_where_nothing_is_installed_and_fails(tmp_path):
    run = subprocess.run(
        [sys.executable, "-S", "-m", "turn_core", "doctor"],  # -S: no site-packages
        cwd=ROOT,
        env={**os.environ, "TURN_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stderr == ""
    assert "FAIL packages   missing: streamlit, torch" in run.stdout
    assert "-> run `pip install -r requirements.txt`" in run.stdout


def test_doctor_sees_a_folder_that_cannot_be_written_and_a_full_disk(tmp_path, monkeypatch):
    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    check = doctor.check_home(settings_at(tmp_path / "a/b"))
    assert check.level is doctor.Level.FAIL
    assert "Permission denied" in check.text
    usage = doctor.shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: usage)
    assert doctor.check_disk(settings_at(tmp_path)).level is doctor.Level.FAIL


def test_doctor_reports_whatever_a_check_raises(tmp_path, monkeypatch):
    def broken(_settings):
        raise RuntimeError("driver\nmismatch")

    monkeypatch.setattr(doctor, "CHECKS", (("torch", broken),))
    (check,) = doctor.diagnose(settings_at(tmp_path))
    assert (check.level, check.text) == (doctor.Level.FAIL, "RuntimeError: driver mismatch")


def test_doctor_names_other_versions(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("# pins\nnumpy==0.1\nabsent[x]==2 # why\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert doctor.pinned_versions(tmp_path / "requirements.txt") == [
        ("numpy", "0.1"),
        ("absent", "2"),
    ]
    check = doctor.check_packages(settings_at(tmp_path))
    assert check.level is doctor.Level.FAIL
    assert check.text == "missing: absent"


def test_doctor_says_when_the_hub_is_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    check = doctor.check_hub(settings_at(tmp_path, allow_hub=True))
    assert check.level is doctor.Level.WARN
    assert "turn-mini" in check.remedy
    off = doctor.check_hub(settings_at(tmp_path, allow_hub=False))
    assert off.level is doctor.Level.OK


def test_doctor_does_not_touch_the_home_folder(tmp_path):
    home = tmp_path / "home"
    for check in (doctor.check_home, doctor.check_disk, doctor.check_database, doctor.check_worker):
        check(settings_at(home))
    assert not home.exists()


def test_summary_says_what_is_not_known():
    report = {
        "noise_rate": None,
        "num_issues": 0,
        "num_samples": 40,
        "threshold": 0.6,
        "detection": {"auroc": 0.75, "precision": None},
        "stages": [{"seconds": 1.6}],
    }
    assert cli.summary(report, Path("out")).splitlines() == [
        "The noise rate could not be estimated.",
        "0 of 40 labels are likely wrong (clean probability at or below 0.6).",
        "Against the true labels: auroc 0.750, precision -.",
        "Written to out: labels.parquet, labels.csv, report.json (2 s).",
    ]


def test_members_are_named_and_taken_away_from_the_command_line(turn):
    code, _, told = turn("members", "--add", "rita", "--role", "reviewer")
    assert code == 1
    assert "nobody would be an owner" in told
    assert turn("members", "--add", "olga", "--role", "owner")[0] == 0
    assert (
        turn("members", "--add", "rita")[1]
        == "olga\towner\teverywhere\nrita\treviewer\teverywhere\n"
    )
    assert turn("members", "--remove", "rita")[1] == "olga\towner\teverywhere\n"
    assert turn("members", "--remove", "rita")[0] == 1
