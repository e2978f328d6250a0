"""The search as a job: on cached features, resumed, cancelled, offered as a preset."""

import pytest
from test_train_task import SIZE, _config, _project, _train, backbone_folder

from turn_core.config import SearchConfig
from turn_core.errors import ConflictError, DataError, JobCancelled
from turn_core.jobs.context import JobContext, JobInterrupted, StopFlag
from turn_core.jobs.tasks import search as task
from turn_core.services import backbones, jobs, review, samples, searches
from turn_core.types import Action, DecisionRequest, JobKind, JobState

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["backbone_folder"]


def config(folder, **changes):
    values = {
        "backbone": str(folder),
        "optimizers": ("sgd",),
        "learning_rates": (1e-5, 1e-1),
        "weight_decays": (1e-4,),
        "batch_sizes": (16,),
        "device": "cpu",
    }
    return SearchConfig(**{**values, **changes})


def started(workspace, project_id, wanted):
    searches.start_search(workspace, project_id, wanted, actor="tester")
    claimed = jobs.claim(workspace, "test-worker", [JobKind.SEARCH])
    return JobContext(workspace, claimed.job, claimed.fence)


def finished(workspace, context):
    result = task.run(context)
    jobs.finish(workspace, context.job.job_id, context.fence, state=JobState.DONE, result=result)
    return result


def test_job_tries_the_preset_and_the_space_and_offers_the_best(workspace, backbone_folder):
    project_id = _project(workspace)
    context = started(workspace, project_id, config(backbone_folder))
    finished(workspace, context)
    found = searches.found_settings(workspace, project_id, str(backbone_folder))
    preset = backbones.default_config(str(backbone_folder))
    assert found.num_settings == 3
    assert found.trials["learning_rate"] == [preset.probe.learning_rate, 1e-5, 1e-1]
    assert found.accuracy == max(found.trials["accuracy"])
    assert found.preset_accuracy == found.trials["accuracy"][0]
    assert found.num_samples == SIZE
    assert found.num_held_out == pytest.approx(SIZE / 5, abs=3)
    assert found.is_ahead == (found.accuracy > found.preset_accuracy)
    applied = searches.applied(_config(backbone_folder), found.probe)
    assert applied.probe.learning_rate == found.probe.learning_rate
    assert applied.probe.epochs == _config(backbone_folder).probe.epochs
    assert searches.found_settings(workspace, project_id, "turn-mini") is None
    assert context.tracker.snapshot().stage == task.TRY


def test_a_round_uses_the_features_of_the_search(workspace, backbone_folder):
    project_id = _project(workspace)
    found = finished(workspace, started(workspace, project_id, config(backbone_folder)))
    run = _train(workspace, project_id, _config(backbone_folder, epochs=0))
    items = {row["stage"]: row["items"] for row in run.metrics["timings"]}
    if run.environment["features_key"] == found["features_key"]:  # the preset measures precision
        assert items["Extract features"] == 0
    assert items["Read images"] == 0


def test_killed_search_goes_on_with_its_labels_and_its_trials(
    workspace, backbone_folder, monkeypatch
):
    project_id = _project(workspace)
    straight = finished(workspace, started(workspace, project_id, config(backbone_folder)))
    context = started(workspace, project_id, config(backbone_folder))
    tell = context.progress

    def die(**values):
        tell(**values)
        if values.get("stage") == task.TRY and values["step"] == 2:
            raise JobInterrupted

    context.progress = die
    with pytest.raises(JobInterrupted):
        task.run(context)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    decide(workspace, project_id, [sample], Action.EXCLUDE)
    context.progress = tell
    tried = []
    attempt = task.searching.try_config

    def counted(*args, **options):
        tried.append(options["index"])
        return attempt(*args, **options)

    monkeypatch.setattr(task.searching, "try_config", counted)
    again = task.run(context)
    assert tried == [2]
    for result in (straight, again):
        del result["seconds"], result["trials"]["seconds"]
    assert again == straight


def decide(workspace, project_id, chosen, action):
    requests = [
        DecisionRequest(
            sample_id=s.sample_id, version=s.version, action=action, idem_key=f"x-{s.sample_id}"
        )
        for s in chosen
    ]
    review.record(workspace, project_id, requests, actor="tester")


def test_excluded_samples_take_no_part_and_a_large_project_gives_a_part(workspace, backbone_folder):
    project_id = _project(workspace)
    decide(
        workspace, project_id, samples.browse(workspace, project_id, limit=5).items, Action.EXCLUDE
    )
    found = finished(workspace, started(workspace, project_id, config(backbone_folder)))
    assert found["num_samples"] == SIZE - 5
    few = config(backbone_folder, max_samples=100)
    found = finished(workspace, started(workspace, project_id, few))
    assert found["num_samples"] == 100


def test_cancel_ends_it_and_leaves_no_preset(workspace, backbone_folder):
    project_id = _project(workspace)
    context = started(workspace, project_id, config(backbone_folder))
    context.stop = StopFlag()
    context.stop.cancel()
    with pytest.raises(JobCancelled):
        task.run(context)
    jobs.finish(workspace, context.job.job_id, context.fence, state=JobState.CANCELLED)
    assert searches.list_searches(workspace, project_id) == []
    assert searches.latest_job(workspace, project_id).state is JobState.CANCELLED


def test_one_search_at_a_time_and_two_classes_at_least(workspace, backbone_folder, make_project):
    project_id = _project(workspace)
    searches.start_search(workspace, project_id, config(backbone_folder), actor="tester")
    with pytest.raises(ConflictError, match="still queued"):
        searches.start_search(workspace, project_id, config(backbone_folder), actor="tester")
    lonely = make_project(class_names=("cat",))
    with pytest.raises(DataError, match="at least two classes, there are 1"):
        searches.start_search(workspace, lonely, config(backbone_folder), actor="tester")
