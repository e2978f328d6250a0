"""The compare job on coloured squares with a tiny backbone."""

import pytest
import small_data
from explore_project import NAMES, make_squares

from turn_core.compare_config import CompareConfig
from turn_core.errors import ConflictError, JobCancelled
from turn_core.experiments.compare import cell_stage
from turn_core.jobs.context import JobContext, JobInterrupted, StopFlag
from turn_core.jobs.tasks import compare
from turn_core.services import comparisons, jobs, review, samples, studies
from turn_core.types import Action, DecisionRequest, JobKind, JobState, SampleState
from turn_core.types.comparing import COMPARISON

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return small_data.save_backbone(tmp_path_factory.mktemp("tiny") / "net")


def quick_config(backbone, *methods, **changes):
    values = {"seeds": 1, "finetune_epochs": 1, "device": "cpu", **changes}
    return CompareConfig(backbone=str(backbone), methods=methods, **values)


def start(workspace, project_id, config):
    started = comparisons.start_comparison(workspace, project_id, config, actor="ann")
    claimed = jobs.claim(workspace, "w", [JobKind.COMPARE])
    return started, JobContext(workspace, claimed.job, claimed.fence)


def finished(workspace, project_id, config):
    started, context = start(workspace, project_id, config)
    compare.run(context)
    jobs.finish(workspace, started.job_id, context.fence, state=JobState.DONE)
    return studies.get_study(workspace, COMPARISON, project_id, started.study_id)


def test_every_kind_of_method_runs_on_images(workspace, backbone):
    project_id = make_squares(workspace)
    config = quick_config(backbone, "turn", "gce", "unicon", "elr-fft", "nmtune")
    done = finished(workspace, project_id, config)
    assert [(cell.method, cell.seed) for cell in done.parts] == config.cells()
    assert [cell.error for cell in done.parts] == [None] * 5
    by_method = {cell.method: cell for cell in done.parts}
    assert len(by_method["turn"].curve) == 5  # the linear probe, then four epochs
    assert len(by_method["elr-fft"].curve) == 1
    assert by_method["nmtune"].measures["sve_before"] > 0
    assert by_method["gce"].last_accuracy > 0.5
    assert done.summary["class_names"] == list(NAMES)
    assert done.summary["labels"] == {"true": 72, "trusted": 0, "given": 0}
    assert done.summary["views_seconds"] > 0


def test_killed_it_goes_on_at_the_next_cell_with_the_labels_it_began_with(workspace, backbone):
    project_id = make_squares(workspace)
    config = quick_config(backbone, "ce", "gce", seeds=2)
    straight = finished(workspace, project_id, config)
    started, context = start(workspace, project_id, config)
    tell, seen = context.progress, []

    def die(**values):
        tell(**values)
        if values["stage"] == cell_stage("gce", 0) and values["step"] > 3:
            raise JobInterrupted

    context.progress = die
    with pytest.raises(JobInterrupted):
        compare.run(context)
    half = studies.get_study(workspace, COMPARISON, project_id, started.study_id)
    assert [(cell.method, cell.seed) for cell in half.parts] == [("ce", 0)]
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    request = DecisionRequest(
        sample_id=sample.sample_id, version=0, action=Action.EXCLUDE, idem_key="meanwhile"
    )
    review.record(workspace, project_id, [request], actor="ann")
    context = JobContext(workspace, context.job, context.fence)
    tell = context.progress
    context.progress = lambda **values: (seen.append(values["stage"]), tell(**values))[1]
    compare.run(context)
    assert cell_stage("ce", 0) not in seen
    again = studies.get_study(workspace, COMPARISON, project_id, started.study_id)
    curves = [{(c.method, c.seed): c.curve for c in found.parts} for found in (straight, again)]
    assert curves[0] == curves[1]
    assert again.summary["label_rev"] == straight.summary["label_rev"]


def test_cancel_keeps_the_cells_that_are_whole(workspace, backbone):
    project_id = make_squares(workspace)
    started, context = start(workspace, project_id, quick_config(backbone, "ce", "elr-fft"))
    context.stop = StopFlag()
    tell = context.progress

    def cancel(**values):
        tell(**values)
        if "fine-tuning" in values["stage"]:
            context.stop.cancel()

    context.progress = cancel
    with pytest.raises(JobCancelled, match="what was finished stays"):
        compare.run(context)
    found = studies.get_study(workspace, COMPARISON, project_id, started.study_id)
    assert [cell.method for cell in found.parts] == ["ce"]


def test_a_worker_whose_job_was_taken_away_stores_no_cell(workspace, backbone):
    project_id = make_squares(workspace)
    started, context = start(workspace, project_id, quick_config(backbone, "ce"))
    jobs.retry(workspace, started.job_id, context.fence, error="stopped answering")
    with pytest.raises(ConflictError, match="another worker"):
        compare.run(context)
    assert studies.get_study(workspace, COMPARISON, project_id, started.study_id).parts == ()


def test_an_image_that_rotted_takes_no_part(workspace, backbone):
    project_id = make_squares(workspace)
    sample = samples.browse(workspace, project_id, limit=1).items[0]
    workspace.files.blob(sample.sha256).write_bytes(b"rotten")
    done = finished(workspace, project_id, quick_config(backbone, "lp"))
    assert done.summary["num_available"] == 71
    after = samples.get_sample(workspace, project_id, sample.sample_id)
    assert after.state is SampleState.UNREADABLE
