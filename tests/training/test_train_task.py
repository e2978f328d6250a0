import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from training_toys import coloured_squares, make_backbone

from turn_core.backbones.classifier import load_classifier, preprocessor_config
from turn_core.config import CleansingConfig, FinetuneConfig, ProbeConfig, TurnConfig
from turn_core.errors import ConflictError, DataError, JobCancelled
from turn_core.jobs.context import JobContext, JobInterrupted, StopFlag
from turn_core.jobs.tasks import train
from turn_core.services import candidates, jobs, projects, review, runs, samples
from turn_core.services.projects import NewProject, NewSample
from turn_core.store.arrays import array_names, load_array
from turn_core.types import Action, DecisionRequest, JobKind, JobState, SampleState

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = 120
NAMES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def backbone_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny-backbone")
    backbone = make_backbone()
    backbone.body.save_pretrained(folder)
    processor = preprocessor_config(backbone.spec)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def _png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def _project(workspace, *, names=NAMES, change=lambda items: items):
    images, given, true = coloured_squares(SIZE, noise=0.2)
    items = []
    for row in range(SIZE):
        data = _png(images[row])
        sha256 = hashlib.sha256(data).hexdigest()
        blob = workspace.files.blob(sha256)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        items.append(
            NewSample(
                file_name=f"square-{row}.png",
                sha256=sha256,
                width=16,
                height=16,
                state=SampleState.OK,
                raw_label=names[given[row]],
                class_index=int(given[row]),
                true_index=int(true[row]),
            )
        )
    return projects.create_project(
        workspace, NewProject("squares", names), change(items), actor="tester"
    )


def _config(folder, epochs=1, **changes):
    values = {
        "backbone": str(folder),
        "seed": 3,
        "num_neighbours": 4,
        "holdout_fraction": 0.1,
        "probe": ProbeConfig(epochs=4),
        "cleansing": CleansingConfig(min_class_size=10),
        "finetune": FinetuneConfig(
            epochs=epochs, batch_size=16, micro_batch_size=16, learning_rate=5e-3, precision="fp32"
        ),
    }
    return TurnConfig(**{**values, **changes})


def _context(workspace, project_id, config):
    runs.start_run(workspace, project_id, config, actor="tester")
    claimed = jobs.claim(workspace, "test-worker", [JobKind.TRAIN])
    return JobContext(workspace, claimed.job, claimed.fence)


def _finish(context):
    jobs.finish(context.workspace, context.job.job_id, context.fence, state=JobState.DONE)


def _train(workspace, project_id, config):
    context = _context(workspace, project_id, config)
    run_id = train.run(context)["run_id"]
    _finish(context)
    return runs.get_run(workspace, project_id, run_id)


def _array(workspace, run, name):
    return load_array(workspace.files.scores(run.run_id), name)


def test_run_is_complete_with_scores_arrays_metrics_and_model(workspace, backbone_folder):
    project_id = _project(workspace)
    run = _train(workspace, project_id, _config(backbone_folder, epochs=2))
    assert run.state == "complete"
    assert run.num_samples == SIZE
    assert run.metrics["num_samples"] == SIZE
    assert {"noise_rate", "num_issues", "threshold", "best_accuracy", "last_accuracy"} <= set(
        run.metrics
    )
    assert 0.5 < run.metrics["average_precision"] <= 1
    assert len(run.metrics["passes"]) == len(run.metrics["clean_fraction"]) == 3
    stages = [row["stage"] for row in run.metrics["timings"]]
    assert stages[:3] == ["Read images", "Extract features", "Linear probe"]
    assert stages[-1] == "Save"
    assert run.environment["features_key"].startswith("features-")
    assert set(candidates.DETAIL_ARRAYS) <= set(array_names(workspace.files.scores(run.run_id)))
    assert _array(workspace, run, "clean_probability").shape == (3, SIZE)
    assert _array(workspace, run, "top_class")[:, 3:].tolist() == [[-1, -1]] * SIZE
    _, names = load_classifier(workspace.files.run(run.run_id) / "model")
    assert tuple(names) == NAMES
    assert not (workspace.files.run(run.run_id) / "checkpoint").exists()


def test_queue_begins_with_wrong_labels_and_suggests_the_right_ones(workspace, backbone_folder):
    project_id = _project(workspace)
    run = _train(workspace, project_id, _config(backbone_folder, epochs=0))
    first = review.next_candidates(workspace, project_id, run.run_id, limit=10)
    assert [c.rank for c in first] == list(range(10))
    wrong = [c.sample.current_class_id != c.sample.true_class_id for c in first]
    right = [c.suggested_class_id == c.sample.true_class_id for c in first]
    assert sum(wrong) >= 8
    assert sum(right) >= 8
    assert len(first[0].neighbours) == 4
    assert len(first[0].top) == 3


def test_second_round_trusts_what_was_confirmed_and_leaves_out_what_was_excluded(
    workspace, backbone_folder
):
    project_id = _project(workspace)
    first = _train(workspace, project_id, _config(backbone_folder))
    queue = review.next_candidates(workspace, project_id, first.run_id, limit=6)
    decisions = [
        DecisionRequest(
            sample_id=card.sample.sample_id,
            version=card.sample.version,
            action=Action.EXCLUDE if place < 3 else Action.RELABEL,
            class_id=None if place < 3 else card.sample.true_class_id,
            idem_key=f"key-{place}",
            run_id=first.run_id,
        )
        for place, card in enumerate(queue)
    ]
    review.record(workspace, project_id, decisions, actor="tester")
    second = _train(workspace, project_id, _config(backbone_folder))
    timings = {row["stage"]: row for row in second.metrics["timings"]}
    assert timings["Read images"]["items"] == timings["Extract features"]["items"] == 0
    ids = _array(workspace, second, "sample_ids")
    selected = _array(workspace, second, "selected")[0]
    excluded = np.isin(ids, [card.sample.sample_id for card in queue[:3]])
    trusted = np.isin(ids, [card.sample.sample_id for card in queue[3:]])
    assert selected[trusted].all()
    assert not selected[excluded].any()
    assert second.metrics["fallbacks"]["excluded"] == 3
    again = review.next_candidates(workspace, project_id, second.run_id, limit=SIZE)
    assert not {c.sample.sample_id for c in again} & set(ids[excluded | trusted].tolist())


def test_unlabelled_unreadable_and_empty_classes_take_no_part(workspace, backbone_folder):
    def change(items):
        blank = replace(items[0], state=SampleState.UNLABELLED, class_index=None, raw_label=None)
        return [blank, replace(items[1], state=SampleState.UNREADABLE), *items[2:]]

    project_id = _project(workspace, change=change)
    projects.add_class(workspace, project_id, "violet", actor="tester")
    run = _train(workspace, project_id, _config(backbone_folder))
    assert run.metrics["num_samples"] == SIZE - 2
    assert run.metrics["num_classes"] == 3
    _, names = load_classifier(workspace.files.run(run.run_id) / "model")
    assert "violet" not in names


def test_interrupted_run_goes_on_with_the_labels_it_began_with(workspace, backbone_folder):
    project_id = _project(workspace)
    config = _config(backbone_folder, epochs=2)
    straight = _train(workspace, project_id, config)
    context = _context(workspace, project_id, config)
    tell = context.progress

    def die(**values):
        tell(**values)
        if values["stage"] == "Epoch 2 of 2: fine-tune":
            raise JobInterrupted

    context.progress = die
    with pytest.raises(JobInterrupted):
        train.run(context)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    other = next(
        c.class_id
        for c in projects.classes(workspace, project_id)
        if c.class_id != sample.current_class_id
    )
    request = DecisionRequest(
        sample_id=sample.sample_id,
        version=sample.version,
        action=Action.RELABEL,
        class_id=other,
        idem_key="meanwhile",
    )
    review.record(workspace, project_id, [request], actor="tester")
    context.progress = tell
    run = runs.get_run(workspace, project_id, train.run(context)["run_id"])
    for name in ("final_clean_probability", "loss", "selected", "top_class"):
        assert_array_equal(_array(workspace, run, name), _array(workspace, straight, name))
    assert "went on in epoch 2" in " ".join(run.metrics["notes"])


def test_cancel_leaves_nothing(workspace, backbone_folder):
    project_id = _project(workspace)
    context = _context(workspace, project_id, _config(backbone_folder))
    context.stop = StopFlag()
    context.stop.cancel()
    with pytest.raises(JobCancelled):
        train.run(context)
    run = runs.list_runs(workspace, project_id)[0]
    assert run.state != "complete"
    assert not workspace.files.run(run.run_id).exists()


def test_image_that_rotted_is_marked_and_the_run_completes(workspace, backbone_folder):
    project_id = _project(workspace)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    workspace.files.blob(sample.sha256).write_bytes(b"rotten")
    run = _train(workspace, project_id, _config(backbone_folder, epochs=0))
    assert run.metrics["num_unreadable"] == 1
    assert run.metrics["num_samples"] == SIZE - 1
    after = samples.get_sample(workspace, project_id, sample.sample_id)
    assert after.state is SampleState.UNREADABLE


def test_worker_whose_job_was_taken_away_writes_no_results(workspace, backbone_folder):
    project_id = _project(workspace)
    context = _context(workspace, project_id, _config(backbone_folder, epochs=0))
    tell = context.progress

    def lose_the_job(**values):
        tell(**values)
        if values["stage"] == "Linear probe":
            jobs.retry(workspace, context.job.job_id, context.fence, error="stopped answering")

    context.progress = lose_the_job
    with pytest.raises(ConflictError, match="another worker"):
        train.run(context)
    folder = workspace.files.run(runs.list_runs(workspace, project_id)[0].run_id)
    assert {path.name for path in folder.iterdir()} == {"labels.safetensors", "checkpoint"}


def test_run_that_is_complete_already_is_not_computed_again(
    workspace, backbone_folder, monkeypatch
):
    project_id = _project(workspace)
    context = _context(workspace, project_id, _config(backbone_folder, epochs=0))
    first = train.run(context)
    monkeypatch.setattr(train, "run_turn", None)
    assert train.run(context) == first


def test_labels_that_became_one_class_since_the_start_are_refused(workspace, backbone_folder):
    project_id = _project(workspace)
    context = _context(workspace, project_id, _config(backbone_folder))
    keep = projects.classes(workspace, project_id)[0].class_id
    requests = [
        DecisionRequest(
            sample_id=s.sample_id,
            version=s.version,
            action=Action.EXCLUDE,
            idem_key=f"x-{s.sample_id}",
        )
        for s in samples.browse(workspace, project_id, limit=SIZE).items
        if s.current_class_id != keep
    ]
    review.record(workspace, project_id, requests, actor="tester")
    with pytest.raises(DataError, match="needs 2 classes or more"):
        train.run(context)
