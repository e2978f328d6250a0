from dataclasses import replace

import numpy as np
import pytest
from exploration_rows import BEFORE, explored

from turn_core.config import TurnConfig, from_dict, to_dict
from turn_core.errors import ConfigError, DataError, NotFoundError
from turn_core.explore_config import ExploreConfig
from turn_core.services import (
    cleanup,
    explorations,
    jobs,
    projects,
    review,
    runs,
    samples,
    studies,
)
from turn_core.services.overviews import NextStep
from turn_core.types import Action, DecisionRequest, JobKind
from turn_core.types.exploring import EXPLORATION, PanelMethod


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=36, true=[0, 1, 2] * 12)


def start(workspace, project_id, **config):
    config = ExploreConfig(**config)
    return explorations.start_exploration(workspace, project_id, config, actor="ann")


def test_an_exploration_is_named_by_its_backbone_and_noise(workspace, project_id):
    started = start(workspace, project_id, levels=(0.2, 0.8))
    assert started.name == "turn-mini: symmetric noise 20%, 80%"
    assert from_dict(ExploreConfig, started.config).levels == (0.2, 0.8)


def test_panels_appear_as_they_are_ready_and_can_be_extended(workspace, project_id):
    found = explored(workspace, project_id)
    assert [(p.method, p.noise_level) for p in found.parts] == [
        (PanelMethod.BEFORE, None),
        (PanelMethod.FFT, 0.9),
    ]
    assert found.parts[1].metrics == {"separability": 0.6}  # not a number is left out
    assert found.summary == {"num_points": 4}
    more = replace(BEFORE, projections=("pca", "tsne"))
    studies.save_part(workspace, found, more)
    again = studies.get_study(workspace, EXPLORATION, project_id, found.study_id)
    assert again.parts[0].projections == ("pca", "tsne")
    assert len(again.parts) == 2


def test_points_follow_the_labels_of_now(workspace, project_id, make_run):
    make_run(project_id, clean=np.linspace(0.1, 0.9, 36))
    found = explored(workspace, project_id)
    before = explorations.points(workspace, project_id, found.study_id)
    assert before.given.tolist() == before.current.tolist() == [0, 1, 2, 0]
    assert before.true.tolist() == [0, 1, 2, 0]
    assert before.suggested.tolist() == [1, 2, 0, 1]
    assert before.clean_probability[0] == pytest.approx(0.1)
    assert before.is_issue.tolist() == [True] * 4
    sample = samples.get_sample(workspace, project_id, int(before.sample_ids[0]))
    request = DecisionRequest(
        sample_id=sample.sample_id,
        version=sample.version,
        action=Action.RELABEL,
        class_id=before.class_ids[2],
        idem_key="k",
    )
    review.record(workspace, project_id, [request], actor="ann")
    after = explorations.points(workspace, project_id, found.study_id)
    assert (after.given[0], after.current[0]) == (0, 2)
    assert after.is_issue.tolist() == [False, True, True, True]
    assert after.reviewed.tolist() == [True, False, False, False]
    assert after.label_rev == before.label_rev + 1


def test_points_without_a_run_have_no_scores(workspace, project_id):
    found = explored(workspace, project_id)
    points = explorations.points(workspace, project_id, found.study_id)
    assert np.isnan(points.clean_probability).all()
    assert points.suggested.tolist() == [-1] * 4
    assert not points.is_issue.any()
    assert points.run_id is None
    other = start(workspace, project_id, seed=5)
    with pytest.raises(NotFoundError, match="no panel yet"):
        explorations.points(workspace, project_id, other.study_id)


def test_files_are_found_by_their_names_only(workspace, project_id):
    found = explored(workspace, project_id)
    folder = workspace.files.study(found.study_id)
    (folder / "metrics.csv").write_text("a\n1\n")
    where = (workspace, project_id, found.study_id)
    assert explorations.panel_file(*where, 1) == folder / "panel-001.safetensors"
    assert explorations.result_file(*where, "metrics.csv") == folder / "metrics.csv"
    for name in ("figure2.png", "../turn.db", "panel-001.safetensors"):
        with pytest.raises(NotFoundError):
            explorations.result_file(*where, name)
    with pytest.raises(NotFoundError, match="no map 7"):
        explorations.panel_file(*where, 7)
    with pytest.raises(NotFoundError):
        explorations.panel_file(workspace, project_id + 1, found.study_id, 1)


def test_explorations_go_with_their_project_and_stray_folders_are_swept(workspace, project_id):
    found = explored(workspace, project_id)
    stray = workspace.files.study(found.study_id + 1)
    stray.mkdir()
    assert cleanup.sweep_folders(workspace) == 1
    assert not stray.exists()
    folder = workspace.files.study(found.study_id)
    assert folder.exists()
    projects.delete_project(workspace, project_id, actor="ann")
    assert not folder.exists()


def test_classes_that_cannot_be_explored_are_named(workspace, make_project):
    few = make_project("few", given=[0] * 10 + [1] * 9)
    with pytest.raises(DataError, match=r"two classes .* 1 of those chosen"):
        start(workspace, few)
    with pytest.raises(DataError, match="classes 0 to 2, got 9"):
        start(workspace, few, classes=(0, 9))
    assert jobs.list_jobs(workspace) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"levels": (1.5,)}, "explore.levels must be from 0 to 1"),
        ({"levels": ()}, "explore.levels must have 1 to 20"),
        ({"backbones": ("",)}, "explore.backbones"),
        ({"noise": "loud"}, "explore.noise must be one of"),
        ({"noise": "asymmetric_map"}, "noise.mapping"),
        ({"classes": (1,)}, "at least two classes"),
        ({"projections": ("globe",)}, "explore.projections"),
        ({"holdout_fraction": 1.0}, "explore.holdout_fraction"),
        ({"epochs": 0}, "explore.epochs"),
    ],
)
def test_settings_out_of_range_are_refused(change, told):
    with pytest.raises(ConfigError, match=told):
        ExploreConfig(**change)


def test_settings_survive_json_and_always_have_pca_first():
    config = ExploreConfig(levels=[0.3, 0.3, 0.6], projections=["umap"], classes=[4, 2])
    assert (config.levels, config.projections) == ((0.3, 0.6), ("pca", "umap"))
    assert from_dict(ExploreConfig, to_dict(config)) == config


def test_an_exploration_keeps_nobody_from_the_next_step(workspace, project_id):
    start(workspace, project_id)
    seen = projects.overview(workspace, project_id)
    assert (seen.next_step, seen.active_job.kind) == (NextStep.TRAIN, JobKind.EXPLORE)
    runs.start_run(workspace, project_id, TurnConfig(), actor="ann")
    seen = projects.overview(workspace, project_id)
    assert (seen.next_step, seen.active_job.kind) == (NextStep.WAIT, JobKind.TRAIN)
