"""The command `reproduce` on a miniature of CIFAR-100."""

import reproduce_data

from turn_core import cli_reproduce
from turn_core.experiments.reproduce.plan import TABLES


def test_reproduce__writes_the_table_and_says_what_was_not_run(turn, backbone, tmp_path):
    reproduce_data.write_cifar(tmp_path / "data/cifar100", human=False)
    options = ("--method", "lp-ce", "--noise", "symmetric", "--noise", "human", "--seeds", 1)
    code, out, err = turn(
        *("reproduce", "table2", "--data", tmp_path / "data", "--out", tmp_path / "out"),
        *("--backbone", backbone, "--device", "cpu", *options),
    )
    assert code == 0, err
    assert "Not run: tiny, human labels (CIFAR-100N): there is no human_labels.csv" in out
    assert "2 of 3 cells are finished." in out
    assert f"Written to {tmp_path / 'out'}: table2.md, table2.parquet." in out
    assert "## tiny (the paper's numbers: vit-b16" in (tmp_path / "out/table2.md").read_text()


def test_reproduce__fails_where_nothing_could_be_run(turn, tmp_path):
    code, out, _ = turn("reproduce", "table5", "--out", tmp_path / "out")
    assert code == 1
    assert "Not run: CIFAR-100: no folder of images was given" in out
    code, _, err = turn("reproduce", "table2", "--out", tmp_path / "out", "--method", "mixup")
    assert code == 1
    assert err.startswith("turn-audit: this table has no 'mixup'")


def test_tables_of_the_command__are_those_there_are():
    assert set(cli_reproduce.TABLES) == set(TABLES)
