import csv

import numpy as np
import pyarrow.parquet
import pytest
import small_data
from explore_project import NAMES, comparable, finished, make_squares, quick_config, start

from turn_core.errors import BackboneError, ConflictError, DataError, JobCancelled
from turn_core.jobs.context import JobInterrupted, StopFlag
from turn_core.jobs.tasks import explore
from turn_core.services import explorations, jobs, review, samples, studies
from turn_core.store.arrays import load_array
from turn_core.types import Action, DecisionRequest, SampleState
from turn_core.types.exploring import EXPLORATION, PanelMethod

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return small_data.save_backbone(tmp_path_factory.mktemp("tiny") / "net")


def test_the_job_lists_panels_maps_and_tables(workspace, backbone):
    project_id = make_squares(workspace)
    done = finished(workspace, project_id, quick_config(backbone))
    assert [p.method for p in done.parts] == [
        PanelMethod.BEFORE,
        PanelMethod.PROBE,
        PanelMethod.FFT,
    ]
    assert done.summary["class_names"] == list(NAMES)
    assert done.summary["num_panels"] == 3
    assert done.summary["num_train"] + done.summary["num_points"] == 72
    assert done.summary["labels"]["given"] == 0  # every true label is known
    path = explorations.panel_file(workspace, project_id, done.study_id, 2)
    assert load_array(path, "tsne").shape == (done.summary["num_points"], 2)
    points = explorations.points(workspace, project_id, done.study_id)
    assert len(points.sample_ids) == done.summary["num_points"]
    assert {p.metrics["wrong_rate"] for p in done.parts[1:]} != {0.0}


def test_tables_hold_every_point_and_figure(workspace, backbone):
    project_id = make_squares(workspace)
    done = finished(workspace, project_id, quick_config(backbone))
    where = (workspace, project_id, done.study_id)
    table = pyarrow.parquet.read_table(explorations.result_file(*where, "coordinates.parquet"))
    assert table.num_rows == 2 * done.summary["num_points"]
    rows = table.to_pylist()
    assert set(rows[0]) == {
        *("panel", "backbone", "method", "noise_level", "sample_id", "file_name", "label"),
        *("best_label", "best_label_from", "purity", "pca_x", "pca_y", "tsne_x", "tsne_y"),
        *("umap_x", "umap_y"),
    }
    after = [row for row in rows if row["method"] == "fft"]
    maps = load_array(explorations.panel_file(*where, 2), "tsne")
    assert [row["tsne_y"] for row in after] == pytest.approx(maps[:, 1].tolist())
    assert after[0]["umap_x"] is None
    assert {row["best_label_from"] for row in rows} == {"true"}
    with explorations.result_file(*where, "metrics.csv").open() as file:
        figures = list(csv.DictReader(file))
    assert [row["method"] for row in figures] == ["before", "probe", "fft"]
    assert float(figures[2]["cka"]) == pytest.approx(done.parts[2].metrics["cka"])
    assert figures[0]["accuracy"] == ""
    drawn = {f"{stem}.{end}" for stem in ("figure2", "curves") for end in ("png", "svg", "html")}
    assert drawn < set(done.summary["files"])
    for name in done.summary["files"]:
        assert explorations.result_file(*where, name).stat().st_size > 100


def test_points_come_from_the_test_split(workspace, backbone):
    project_id = make_squares(workspace, split=lambda n: "test" if n % 4 == 1 else "train")
    done = finished(workspace, project_id, quick_config(backbone, projections=("pca",)))
    assert done.summary["held_out_by"] == "split"
    points = explorations.points(workspace, project_id, done.study_id)
    names = [samples.get_sample(workspace, project_id, int(i)).file_name for i in points.sample_ids]
    assert all(int(name[:3]) % 4 == 1 for name in names)


def test_interrupted_it_goes_on_with_the_labels_it_began_with(workspace, backbone):
    project_id = make_squares(workspace)
    config = quick_config(backbone, projections=("pca",))
    straight = finished(workspace, project_id, config)
    started, context = start(workspace, project_id, config)
    tell = context.progress

    def die(**values):
        tell(**values)
        if "FFT" in values["stage"]:
            raise JobInterrupted

    context.progress = die
    with pytest.raises(JobInterrupted):
        explore.run(context)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    request = DecisionRequest(
        sample_id=sample.sample_id, version=0, action=Action.EXCLUDE, idem_key="meanwhile"
    )
    review.record(workspace, project_id, [request], actor="ann")
    context.progress = tell
    explore.run(context)
    again = studies.get_study(workspace, EXPLORATION, project_id, started.study_id)
    assert comparable(again) == comparable(straight)
    assert again.summary["label_rev"] == straight.summary["label_rev"]


def test_cancel_keeps_the_panels_that_are_whole(workspace, backbone):
    project_id = make_squares(workspace)
    started, context = start(workspace, project_id, quick_config(backbone))
    context.stop = StopFlag()
    tell = context.progress

    def cancel(**values):
        tell(**values)
        if "FFT" in values["stage"]:
            context.stop.cancel()

    context.progress = cancel
    with pytest.raises(JobCancelled):
        explore.run(context)
    found = studies.get_study(workspace, EXPLORATION, project_id, started.study_id)
    assert [p.method for p in found.parts] == [PanelMethod.BEFORE, PanelMethod.PROBE]
    folder = workspace.files.study(started.study_id)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("panel-000.json", "panel-000.safetensors", "panel-001.json", "selection.safetensors")
    ]


def test_a_worker_whose_job_was_taken_away_lists_no_panel(workspace, backbone):
    project_id = make_squares(workspace)
    started, context = start(workspace, project_id, quick_config(backbone))
    jobs.retry(workspace, started.job_id, context.fence, error="stopped answering")
    with pytest.raises(ConflictError, match="another worker"):
        explore.run(context)
    found = studies.get_study(workspace, EXPLORATION, project_id, started.study_id)
    assert found.parts == ()


def test_an_image_that_rotted_takes_no_part(workspace, backbone):
    project_id = make_squares(workspace)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    workspace.files.blob(sample.sha256).write_bytes(b"rotten")
    done = finished(workspace, project_id, quick_config(backbone, projections=("pca",)))
    assert done.summary["num_available"] == 71
    after = samples.get_sample(workspace, project_id, sample.sample_id)
    assert after.state is SampleState.UNREADABLE


def test_too_few_samples_and_an_unknown_backbone_are_told(workspace, backbone):
    project_id = make_squares(workspace)
    _, context = start(workspace, project_id, quick_config("no-such-net"))
    with pytest.raises(BackboneError, match="no-such-net"):
        explore.run(context)
    ids = samples.label_snapshot(workspace, project_id).sample_ids
    requests = [
        DecisionRequest(
            sample_id=int(sample_id), version=0, action=Action.EXCLUDE, idem_key=f"x{sample_id}"
        )
        for sample_id in ids[np.arange(len(ids)) % 6 > 0]
    ]
    started, context = start(workspace, project_id, quick_config(backbone))
    review.record(workspace, project_id, requests, actor="ann")
    with pytest.raises(DataError, match="needs two classes"):
        explore.run(context)
    assert started.parts == ()
