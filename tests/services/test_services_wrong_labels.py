"""What the share of wrong labels rests on. Eighty samples; the first half looks wrong."""

import numpy as np
import pytest

from turn_core.services import review, samples
from turn_core.services.wrong_labels import wrong_labels
from turn_core.store import audits
from turn_core.types import Action, DecisionRequest

NOISE = {"noise_rate": {"value": 0.5, "low": 0.49, "high": 0.51}}


@pytest.fixture
def project(make_project, make_run):
    """A project with a round whose model is sure that half of the labels are wrong."""
    project_id = make_project(num_samples=80)
    run = make_run(project_id, clean=np.where(np.arange(80) < 40, 0.02, 0.97), metrics=NOISE)
    return project_id, run.run_id


def test_without_decisions_it_is_the_models(workspace, project):
    found = wrong_labels(workspace, project[0])
    assert (found.source, found.share.value, found.num_decisions) == ("model", 0.5, 0)


def test_no_round_no_estimate(workspace, make_project):
    assert wrong_labels(workspace, make_project()) is None


def test_decisions_correct_a_model_that_is_too_sure(workspace, project, decide):
    decide(project, range(20), Action.KEEP)
    found = wrong_labels(workspace, project[0])
    assert (found.source, found.num_decisions) == ("decisions", 20)
    assert found.share.value < 0.25
    assert found.share.low < 0.05


def test_corrected_labels_are_no_longer_wrong(workspace, project, decide):
    decide(project, range(40), Action.RELABEL)
    found = wrong_labels(workspace, project[0])
    assert found.share.high <= 0.5
    assert found.share.value < 0.2


def test_a_round_that_no_one_reviewed_leaves_the_estimate_to_the_one_before(
    workspace, project, decide, make_run
):
    decide(project, range(20), Action.KEEP)
    before = wrong_labels(workspace, project[0])
    make_run(project[0], clean=np.linspace(0, 1, 80), metrics=NOISE)
    assert wrong_labels(workspace, project[0]) == before


def test_errors_that_a_later_round_found_are_taken_off(workspace, project, decide, make_run):
    decide(project, range(20), Action.RELABEL)
    before = wrong_labels(workspace, project[0]).share
    later = make_run(project[0], clean=np.linspace(0, 1, 80), metrics=NOISE)
    decide((project[0], later.run_id), range(20, 25), Action.RELABEL)
    found = wrong_labels(workspace, project[0])
    assert (found.round_number, found.num_decisions) == (1, 20)
    assert found.share.value == pytest.approx(max(before.value - 5 / 80, 0))


def test_the_audit_measures_it(workspace, project, decide):
    """Twenty of eighty are drawn and decided, five of them wrong: so are 15 of the other 60."""
    workspace.write(lambda session: audits.draw(session, project[0], seed=0, number=20))
    with workspace.reading() as session:
        drawn = audits.order(session, project[0])
    first = samples.label_snapshot(workspace, project[0]).sample_ids[0]
    decide(project, [i - first for i in drawn[:5]], Action.RELABEL, queue="audit")
    decide(project, [i - first for i in drawn[5:]], Action.KEEP, queue="audit")
    found = wrong_labels(workspace, project[0])
    assert found.source == "audit"
    assert found.share.value == pytest.approx(15 / 80)


@pytest.fixture
def decide(workspace):
    """A function that decides the samples at these places, in a project and round."""

    def made(project, places, action, *, queue="worst_first"):
        project_id, run_id = project
        labels = samples.label_snapshot(workspace, project_id)
        requests = [
            DecisionRequest(
                sample_id=int(labels.sample_ids[place]),
                version=samples.get_sample(
                    workspace, project_id, int(labels.sample_ids[place])
                ).version,
                action=action,
                run_id=run_id,
                idem_key=f"{place}-{action}",
                queue=queue,
                class_id=labels.class_ids[(labels.given[place] + 1) % len(labels.class_ids)]
                if action is Action.RELABEL
                else None,
            )
            for place in places
        ]
        review.record(workspace, project_id, requests, actor="tester")

    return made
