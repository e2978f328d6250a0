import hashlib
import json
import zipfile

import pyarrow.parquet as pq
import pytest
from export_projects import (
    Exporter,
    complete_run,
    make_project,
    read_csv,
    read_zip,
    sample_ids,
)
from export_rows import HOSTILE

from turn_core.errors import ConfigError, ConflictError, DataError, NotFoundError
from turn_core.export.columns import COLUMN_NAMES
from turn_core.services import exports, samples
from turn_core.services.exports import FORMATS, ExportFormat, ExportOptions


def test_export__rows_by_hand(on_both_engines):
    _, path, _ = on_both_engines.make("csv")
    rows = read_csv(path)

    assert [r["given_label"] for r in rows] == [
        "cat", " cat", "=SUM(1)", "NA", "cat", "007", "cat", ""
    ]  # fmt: skip
    assert [r["label"] for r in rows] == ["cat", "cat", "=SUM(1)", "NA", "cat", "007", "cat", ""]
    assert [r["corrected_label"] for r in rows] == ["", "cat", "", "", "", "", "", ""]
    assert [r["action"] for r in rows] == [
        "keep", "relabel", "exclude", "needs_review", "none", "none", "none", "none"
    ]  # fmt: skip
    assert [r["status"] for r in rows] == [
        "kept", "relabeled", "excluded", "needs_review", "skipped", "pending", "pending", "pending"
    ]  # fmt: skip
    assert [r["annotator"] for r in rows] == ["ann"] * 5 + [""] * 3  # the undone one has none
    assert [r["split"] for r in rows] == ["", "train"] * 4
    assert rows[0]["seconds_spent"] == "1.5"
    assert [r["bulk"] for r in rows[:3]] == ["false", "false", "true"]
    assert rows[7]["note"] == "delivered without a label"


def test_export__scores_by_hand(on_both_engines):
    _, path, _ = on_both_engines.make("parquet")
    rows = pq.read_table(path).to_pylist()

    assert [r["clean_probability"] for r in rows] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, None]
    assert [r["label_score"] for r in rows] == [*((i + 0.5) / 7 for i in range(7)), None]
    assert [r["is_label_issue"] for r in rows] == [True] * 4 + [False] * 3 + [None]
    assert [r["selected_by_turn"] for r in rows] == [False] * 5 + [True] * 2 + [None]
    assert {r["run_id"] for r in rows[:7]} == {on_both_engines.run.run_id}
    assert rows[7]["run_id"] is None
    assert rows[0]["tau"] == 0.3
    assert rows[2]["loss"] == 1.0
    assert (rows[2]["suggested_label"], rows[2]["predicted_label"]) == ("cat", "cat")
    assert (rows[2]["suggested_label_confidence"], rows[2]["p_given_label"]) == (0.75, 0.125)
    assert rows[2]["gmm_fallback"] == "none"
    assert rows[1]["reviewed_at"].year >= 2026


@pytest.mark.parametrize("kind", [f for f in ExportFormat if f is not ExportFormat.MODEL])
def test_export__file_row_and_result_agree(reviewed, kind):
    export, path, result = reviewed.make(kind)
    snapshot = samples.label_snapshot(reviewed.workspace, reviewed.project_id)

    assert path.name == export.file_name == f"zoo-{FORMATS[kind].file_name}"
    assert path.stat().st_size == export.num_bytes == result["num_bytes"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == export.file_sha256
    assert export.labels_sha256 == snapshot.labels_sha256
    assert (export.format, export.created_by) == (kind.value, "bob")
    assert exports.list_exports(reviewed.workspace, reviewed.project_id) == [export]
    if FORMATS[kind].has_images:
        assert export.num_rows == 6
        assert result["left_out"] == {"excluded in review": 1, "no label": 1}
    else:
        assert export.num_rows == 8
        assert result["left_out"] == {}


def test_export__hash_of_hostile_labels_is_that_of_the_snapshot(on_both_engines):
    workspace = on_both_engines.workspace
    project_id = make_project(workspace, HOSTILE, name="hostile", blobs=False)
    export, path, _ = Exporter(workspace, project_id, []).make("csv")

    assert [r["label"] for r in read_csv(path)] == list(HOSTILE)
    assert export.labels_sha256 == samples.label_snapshot(workspace, project_id).labels_sha256


def test_export__schema_lies_beside_a_table(reviewed):
    export, _, _ = reviewed.make("csv_spreadsheet")
    path = exports.schema_file(reviewed.workspace, reviewed.project_id, export.export_id)
    schema = json.loads(path.read_text())

    assert [c["name"] for c in schema["columns"]] == list(COLUMN_NAMES)
    assert schema["labels_sha256"] == export.labels_sha256
    assert schema["escaped_for_spreadsheets"] is True
    assert (schema["num_rows"], schema["run_id"]) == (8, reviewed.run.run_id)

    archive, _, _ = reviewed.make("class_folders")
    assert exports.schema_file(reviewed.workspace, reviewed.project_id, archive.export_id) is None


def test_export__class_folders_follow_the_current_label(reviewed):
    _, path, _ = reviewed.make("class_folders")
    rows = read_csv(read_zip(path, "labels.csv"))

    assert [r["file_name"] for r in rows] == [
        "cat/00000.png", "cat/00001.png", "NA/00003.png", "cat/00004.png", "007/00005.png",
        "cat/00006.png",
    ]  # fmt: skip
    assert rows[1]["given_label"] == " cat"
    assert rows[1]["original_name"] == "img/00001.png"

    everything = reviewed.make("class_folders", include_excluded=True)[1]
    assert "=SUM(1)/00002.png" in zipfile.ZipFile(everything).namelist()


def test_export__same_labels_same_bytes(reviewed):
    for kind in ("csv", "parquet", "class_folders"):
        first, second = reviewed.make(kind)[0], reviewed.make(kind)[0]
        assert first.file_sha256 == second.file_sha256
        assert first.export_id != second.export_id


def test_export__without_a_run_scores_are_empty(workspace):
    project_id = make_project(workspace, ["a", "b"])
    _, path, _ = Exporter(workspace, project_id, []).make("jsonl")
    (row, _) = map(json.loads, path.read_text().splitlines())
    assert row["label"] == "a"
    assert [row[c] for c in ("clean_probability", "is_label_issue", "run_id", "tau")] == [None] * 4


def test_export__model_of_the_latest_run(reviewed):
    folder = reviewed.workspace.files.run(reviewed.run.run_id) / "model"
    with pytest.raises(NotFoundError, match="saved no model"):
        reviewed.claim("model")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    export, path, _ = reviewed.make("model")

    assert export.file_name == "zoo-model.zip"
    assert read_zip(path, "zoo-round-1/model.safetensors") == b"weights"


def test_start__says_what_is_wrong(reviewed):
    workspace, project_id = reviewed.workspace, reviewed.project_id

    def start(kind="csv", project_id=project_id, **options):
        exports.start_export(workspace, project_id, kind, options=options, actor="bob")

    with pytest.raises(ConfigError, match="no export format 'xlsx'; choose one of csv, "):
        start("xlsx")
    with pytest.raises(ConfigError, match="unknown export option colour"):
        start(colour="red")
    with pytest.raises(NotFoundError):
        start(project_id=99)
    with pytest.raises(NotFoundError):
        start(run_id=99)
    empty = make_project(workspace, ["a", "b"], name="empty")
    with pytest.raises(DataError, match="train first"):
        start("model", project_id=empty)
    run = exports.start_export  # a started but unfinished run gives no scores
    from turn_core.config import TurnConfig
    from turn_core.services import runs

    queued = runs.start_run(workspace, empty, TurnConfig(), actor="bob")
    with pytest.raises(DataError, match="run 1 is queued; choose a complete one"):
        run(workspace, empty, "csv", options=ExportOptions(run_id=queued.run_id), actor="bob")


def test_start__twice_is_one_job(reviewed):
    reviewed.claim("csv")
    with pytest.raises(ConflictError):
        reviewed.claim("csv")


def test_export_file__of_another_project_or_deleted(reviewed):
    export, path, _ = reviewed.make("csv")
    other = make_project(reviewed.workspace, ["a"], name="other")

    with pytest.raises(NotFoundError):
        exports.export_file(reviewed.workspace, other, export.export_id)
    path.unlink()
    with pytest.raises(NotFoundError, match="export again"):
        exports.export_file(reviewed.workspace, reviewed.project_id, export.export_id)


def test_write_labels__to_a_path_of_the_callers(reviewed, tmp_path):
    path = tmp_path / "out" / "labels.csv"
    workspace, project_id = reviewed.workspace, reviewed.project_id
    sha = exports.write_labels(workspace, project_id, reviewed.run.run_id, path, "csv")

    assert sha == samples.label_snapshot(workspace, project_id).labels_sha256
    assert read_csv(path)[1]["corrected_label"] == "cat"
    assert json.loads((path.parent / "schema.json").read_text())["labels_sha256"] == sha
    assert sorted(p.name for p in path.parent.iterdir()) == ["labels.csv", "schema.json"]
    by_hand = tmp_path / "by hand"
    by_hand.touch()
    assert path.stat().st_mode == by_hand.stat().st_mode  # the umask decides who may read it
    with pytest.raises(ConfigError, match="is no table"):
        exports.write_labels(workspace, project_id, None, path, "model")


def test_rows__of_another_round_are_chosen(workspace):
    project_id = make_project(workspace, ["a", "b"] * 3)
    first = complete_run(workspace, project_id, 6)
    second = complete_run(workspace, project_id, 3)
    exporter = Exporter(workspace, project_id, sample_ids(workspace, project_id))

    latest = read_csv(exporter.make("csv")[1])
    earlier = read_csv(exporter.make("csv", run_id=first.run_id)[1])
    assert [r["run_id"] for r in latest] == [str(second.run_id)] * 3 + [""] * 3
    assert {r["run_id"] for r in earlier} == {str(first.run_id)}
