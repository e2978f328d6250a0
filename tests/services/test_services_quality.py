"""The numbers of a round, from decisions in the store. Twelve samples unless said otherwise."""

import numpy as np
import pytest

from turn_core import cleansing
from turn_core.errors import NotFoundError
from turn_core.services import quality, quality_classes, quality_rows, review, samples
from turn_core.store import audits
from turn_core.store.arrays import array_names, load_array, save_arrays
from turn_core.types import Action, DecisionRequest


def decide(workspace, project_id, run_id, ids, action, *, queue="worst_first", seconds=4.0):
    labels = samples.label_snapshot(workspace, project_id)
    place = {int(i): n for n, i in enumerate(labels.sample_ids)}
    requests = []
    for sample_id in ids:
        now = samples.get_sample(workspace, project_id, sample_id)
        other = labels.class_ids[(labels.given[place[sample_id]] + 1) % len(labels.class_ids)]
        requests.append(
            DecisionRequest(
                sample_id=sample_id,
                version=now.version,
                action=action,
                run_id=run_id,
                idem_key=f"{sample_id}-{now.version}-{action}",
                seconds_spent=seconds,
                queue=queue,
                class_id=other if action is Action.RELABEL else None,
            )
        )
    review.record(workspace, project_id, requests, actor="tester")


@pytest.fixture
def round_of(workspace, make_project, make_run):
    """A round of `size` samples in the order of their ids, the first half suspicious."""

    def made(size=80):
        project_id = make_project(num_samples=size)
        clean = np.where(np.arange(size) < size // 2, 0.02, 0.97)
        run = make_run(project_id, clean=clean + np.arange(size) * 1e-5)
        ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
        return project_id, run.run_id, ids

    return made


def test_a_fresh_round_rests_on_the_model(workspace, round_of):
    project_id, run_id, _ = round_of()
    found = quality.quality(workspace, project_id, run_id)
    assert (found.num_samples, found.num_open, found.tau) == (80, 80, 0.6)
    assert found.outlook.source == "model"
    cut, work = found.cut(0.6)
    assert cut.to_review == work.reviews == 40
    assert 20 < cut.errors.value <= 40
    assert work.hours is None
    assert found.audit.noise is None
    assert found.reviewed.precision is None
    assert found.curve.reviews.tolist() == [0]


def test_decisions_move_the_numbers(workspace, round_of):
    project_id, run_id, ids = round_of()
    decide(workspace, project_id, run_id, ids[:20], Action.RELABEL, seconds=6.0)
    decide(workspace, project_id, run_id, ids[20:32], Action.KEEP, seconds=3.0)
    found = quality.quality(workspace, project_id, run_id)
    assert found.outlook.source == "decisions"
    assert (found.reviewed.num_reviewed, found.reviewed.num_errors) == (32, 20)
    assert found.reviewed.calibration_error == pytest.approx(0.98 - 20 / 32, abs=0.001)
    cut, work = found.cut(0.6)
    assert cut.to_review == 8
    assert found.seconds_per_decision == 6.0
    assert work.hours == pytest.approx(8 * 6 / 3600)
    assert found.curve.found[-1] == 20
    assert found.curve.reviews[-1] == 32


def drawing(workspace, project_id, number):
    """Draw samples for the audit; their ids in order."""
    workspace.write(lambda session: audits.draw(session, project_id, seed=0, number=number))
    with workspace.reading() as session:
        return audits.order(session, project_id)


def test_audit_decisions_estimate_the_noise_rate(workspace, round_of):
    project_id, run_id, _ = round_of()
    drawn = drawing(workspace, project_id, 30)[:20]
    decide(workspace, project_id, run_id, drawn[:5], Action.RELABEL, queue="audit")
    decide(workspace, project_id, run_id, drawn[5:], Action.KEEP, queue="audit")
    found = quality.quality(workspace, project_id, run_id)
    assert (found.audit.num_audited, found.audit.num_errors) == (20, 5)
    assert found.audit.noise.value == 0.25


def test_what_suspicion_came_to_first_is_part_of_the_audit(workspace, round_of):
    """Five of the first ten drawn are decided worst first, four by the audit, one is skipped."""
    project_id, run_id, _ = round_of()
    drawn = drawing(workspace, project_id, 30)
    decide(workspace, project_id, run_id, [*drawn[:5], drawn[20]], Action.RELABEL)
    decide(workspace, project_id, run_id, drawn[5:6], Action.SKIP, queue="audit")
    decide(workspace, project_id, run_id, drawn[6:10], Action.KEEP, queue="audit")
    audit = quality.quality(workspace, project_id, run_id).audit
    assert (audit.num_audited, audit.num_errors, audit.num_undecided) == (9, 5, 1)


def test_audit_below_the_cut_measures_what_is_left(workspace, round_of):
    project_id, run_id, ids = round_of(120)
    drawn = drawing(workspace, project_id, 60)
    below = [i for i in drawn if i in set(ids[60:])]
    decide(workspace, project_id, run_id, [i for i in drawn if i not in below], Action.RELABEL)
    decide(workspace, project_id, run_id, below[:2], Action.RELABEL, queue="audit")
    decide(workspace, project_id, run_id, below[2:], Action.KEEP, queue="audit")
    cut, _ = quality.quality(workspace, project_id, run_id).cut(0.6)
    assert cut.left_source == "audit"
    assert cut.left.value == pytest.approx((60 - len(below)) * 2 / len(below))


def test_undone_and_excluded_samples_count_for_nothing(workspace, round_of):
    project_id, run_id, ids = round_of()
    drawn = drawing(workspace, project_id, 3)
    decide(workspace, project_id, run_id, drawn, Action.RELABEL, queue="audit")
    decide(workspace, project_id, run_id, drawn[:1], Action.UNDO)
    decide(workspace, project_id, run_id, [i for i in ids if i not in drawn][:2], Action.EXCLUDE)
    found = quality.quality(workspace, project_id, run_id)
    assert found.audit.num_audited == 2
    assert found.reviewed.num_reviewed == 2
    assert found.num_open == 80 - 4


def test_decisions_of_an_earlier_round_are_not_this_rounds(workspace, round_of, make_run):
    project_id, run_id, ids = round_of()
    decide(workspace, project_id, run_id, ids[:30], Action.RELABEL)
    later = make_run(project_id, clean=np.linspace(0, 1, 80))
    found = quality.quality(workspace, project_id, later.run_id)
    assert found.reviewed.num_reviewed == 0
    assert found.num_open == 50
    assert sum(pair.expected for pair in found.joint.pairs(9)) >= 30  # but they are known


def test_pairs_lead_to_what_is_open(workspace, round_of):
    project_id, run_id, ids = round_of()
    decide(workspace, project_id, run_id, ids[:3], Action.RELABEL)
    joint = quality.quality(workspace, project_id, run_id).joint
    expected, still = joint.dense()
    assert still.sum() == 40 - 3
    assert expected.sum() == pytest.approx(80)
    assert joint.pairs(1)[0].true == (joint.pairs(1)[0].given + 1) % 3


def test_true_labels_check_the_expectation(workspace, make_project, make_run):
    size = 60
    given = [i % 3 for i in range(size)]
    true = [(g + 1) % 3 if i < 30 else g for i, g in enumerate(given)]
    project_id = make_project(num_samples=size, given=given, true=true)
    run = make_run(project_id, clean=np.where(np.arange(size) < 30, 0.03, 0.98))
    found = quality.quality(workspace, project_id, run.run_id)
    check = next(check for check in found.truth if check.tau == 0.6)
    assert (check.to_review, check.actual) == (30, 30)
    assert check.gap == pytest.approx(abs(check.expected - 30) / 30)


def test_unknown_run_is_refused(workspace, make_project):
    with pytest.raises(NotFoundError):
        quality.quality(workspace, make_project(), 99)


def test_names_of_fallbacks_are_those_of_cleansing():
    assert quality_classes.FALLBACKS == cleansing.FALLBACKS
    assert quality_rows.BELIEVED == (cleansing.NONE, cleansing.POOLED)


def add_arrays(workspace, run_id, **more):
    path = workspace.files.scores(run_id)
    kept = {name: np.array(load_array(path, name)) for name in array_names(path)}
    save_arrays(path, {**kept, **more})


def fits(size):
    nothing = [np.nan, np.nan]
    return {
        "final_loss": np.where(np.arange(size) < size // 2, 5.0, 0.2).astype(np.float32),
        "label": np.arange(size) % 3,
        "mixture_weights": np.array([[0.5, 0.5], nothing, nothing, [0.5, 0.5]]),
        "mixture_means": np.array([[0.1, 0.9], nothing, nothing, [0.1, 0.9]]),
        "mixture_variances": np.array([[0.01, 0.01], nothing, nothing, [0.01, 0.01]]),
        "mixture_bounds": np.array([[0.0, 6.0], [0, 0], [0, 0], [0.0, 6.0]]),
        "mixture_separation": np.array([8.0, 0, 0, 8.0]),
        "mixture_count": np.array([size // 3, 0, 0, size]),
        "class_fallback": np.array([0, 1, 2], np.int8),
        "model_class": np.arange(3),
    }


def test_class_fits_and_histograms_come_from_the_run(workspace, round_of):
    project_id, run_id, _ = round_of(60)
    assert quality_classes.class_fits(workspace, project_id, run_id) == []
    add_arrays(workspace, run_id, **fits(60))
    first, second, third, everything = quality_classes.class_fits(workspace, project_id, run_id)
    assert (first.separation, first.fallback, first.high_loss) == (8.0, "none", 5.4)
    assert (second.separation, second.fallback, third.fallback) == (None, "pooled", "one_cluster")
    assert everything.name == "All classes"
    found = quality_classes.loss_histogram(workspace, project_id, run_id)
    assert found.counts.sum() == 60
    assert (found.low + found.high).mean() == pytest.approx(
        60 / 40 * 0.841, rel=0.01
    )  # 1 sd to each end
    own = quality_classes.loss_histogram(workspace, project_id, run_id, second.class_id)
    assert own.counts.sum() == 20
    assert len(own.x) == 0
    with pytest.raises(NotFoundError, match="knows no class"):
        quality_classes.loss_histogram(workspace, project_id, run_id, 9999)


def test_second_opinion_counts_agreement_and_what_was_decided(workspace, round_of):
    project_id, run_id, ids = round_of()
    assert quality_classes.second_opinion(workspace, project_id, run_id) is None
    flag = np.zeros(80, bool)
    flag[30:50] = True  # ten of ours, ten of its own
    confidence = np.linspace(0.5, 0, 80).astype(np.float32)
    add_arrays(workspace, run_id, opinion_flag=flag, opinion_confidence=confidence)
    decide(workspace, project_id, run_id, ids[35:38], Action.RELABEL)
    decide(workspace, project_id, run_id, ids[45:46], Action.KEEP)
    found = quality_classes.second_opinion(workspace, project_id, run_id)
    assert (found.both.num_samples, found.both.num_decided, found.both.num_errors) == (10, 3, 3)
    assert (found.only_turn.num_samples, found.only_other.num_samples) == (30, 10)
    assert (found.only_other.num_decided, found.only_other.num_errors) == (1, 0)
    assert found.jaccard == pytest.approx(10 / 50)
    assert found.open_only_other[0] == ids[49]
    assert ids[45] not in found.open_only_other
