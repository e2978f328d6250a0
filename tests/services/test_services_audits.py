"""The random audit: a uniform draw that goes on where it stopped, mixed into the queue."""

import numpy as np
import pytest

from turn_core.errors import ConflictError, DataError, NotFoundError
from turn_core.services import audits, claims, queues, review, samples
from turn_core.types import (
    Action,
    DecisionRequest,
    QueueFilter,
    QueueKind,
    ReviewSettings,
    SampleState,
)
from turn_core.types.reviewing import Claimant

ANN, BEN = Claimant("ann"), Claimant("ben")
AUDIT = QueueFilter(kind=QueueKind.AUDIT)


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=40)


@pytest.fixture
def run(project_id, make_run):
    return make_run(project_id)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


def cards(workspace, run, queue=queues.WORST_FIRST, claimant=ANN, **more):
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, queue, claimant=claimant, **more
    )
    return [(card.sample.sample_id, card.queue) for card in found]


def share(workspace, project_id, value, seed=0):
    settings = ReviewSettings(audit_share=value, audit_seed=seed)
    audits.set_settings(workspace, project_id, settings, actor="ann")


def decide(workspace, project_id, sample_id, queue="audit"):
    request = DecisionRequest(
        sample_id=sample_id, version=0, action=Action.KEEP, idem_key=f"{sample_id}", queue=queue
    )
    review.record(workspace, project_id, [request], actor="ann")


def test_the_audit_queue_is_a_random_order_of_all_samples(workspace, run, project_id, ids):
    found = cards(workspace, run, AUDIT)
    order = [sample_id for sample_id, _ in found]
    assert {queue for _, queue in found} == {"audit"}
    assert sorted(order) == ids
    assert order != ids
    assert audits.drawn(workspace, project_id) == order
    assert cards(workspace, run, AUDIT, after=order[2], limit=2) == found[3:5]


def test_a_draw_goes_on_where_it_stopped(workspace, run, project_id, monkeypatch):
    monkeypatch.setattr(audits, "DRAWN_AT_ONCE", 4)
    first = [i for i, _ in cards(workspace, run, AUDIT, limit=4)]
    assert audits.drawn(workspace, project_id) == first
    for sample_id in first:
        decide(workspace, project_id, sample_id)
    second = [i for i, _ in cards(workspace, run, AUDIT, limit=3)]
    assert audits.drawn(workspace, project_id)[:4] == first
    assert audits.drawn(workspace, project_id)[4:7] == second
    assert queues.queue_counts(workspace, project_id, run.run_id).audit == 4


def test_another_seed_draws_another_order_and_the_seed_is_then_fixed(
    workspace, run, project_id, make_project, make_run
):
    orders = []
    for seed in (1, 2):
        other = make_project(f"seed {seed}", num_samples=40)
        share(workspace, other, 0.05, seed)
        found = cards(workspace, make_run(other), AUDIT)
        orders.append([sample_id - found[0][0] for sample_id, _ in found])
    assert orders[0] != orders[1]
    with pytest.raises(ConflictError, match="can no longer change"):
        share(workspace, other, 0.1, seed=3)
    share(workspace, other, 0.1, seed=2)
    assert audits.get_settings(workspace, other).audit_share == 0.1


def test_only_samples_with_a_readable_image_and_a_given_label_are_drawn(
    workspace, make_project, make_run
):
    states = [SampleState.OK] * 6
    states[1] = SampleState.UNREADABLE
    given = [0, 1, 2, None, 1, 2]
    project_id = make_project("holes", num_samples=6, given=given, states=states)
    run = make_run(project_id)
    ids = samples.label_snapshot(workspace, project_id).sample_ids
    found = [sample_id for sample_id, _ in cards(workspace, run, AUDIT)]
    assert sorted(found) == ids[[0, 2, 4, 5]].tolist()


def test_the_audit_is_mixed_into_the_worst_first_queue_only(workspace, run, project_id, ids):
    share(workspace, project_id, 0.5)
    found = cards(workspace, run, limit=20)
    mixed = [i for i, queue in found if queue == "audit"]
    assert mixed
    assert found[-1][1] == "worst_first"  # where the next page goes on
    assert len({i for i, _ in found}) == len(found) == len(set(found))
    drawn = [i for i in audits.drawn(workspace, project_id) if i in mixed]
    assert mixed == drawn  # in the order of the draw
    plain = cards(workspace, run, QueueFilter(high=1.0), limit=20)
    assert plain == [(i, "worst_first") for i in ids[:20]]
    assert queues.next_candidates(workspace, project_id, run.run_id)[0].queue == "worst_first"


def test_the_next_page_brings_other_audit_cards_and_a_reload_the_same(workspace, run, project_id):
    share(workspace, project_id, 0.5)
    first = cards(workspace, run, limit=12)
    assert cards(workspace, run, limit=12) == first
    more = cards(workspace, run, limit=12, after=first[-1][0])
    audit = [i for i, queue in first if queue == "audit"]
    assert not set(audit) & {i for i, queue in more if queue == "audit"}
    claims.release(workspace, project_id, ANN)
    assert cards(workspace, run, claimant=BEN, limit=12) == first


def test_who_asks_for_few_cards_at_a_time_gets_the_worst_first_all_the_same(
    workspace, run, project_id
):
    share(workspace, project_id, 0.2)
    assert [queue for _, queue in cards(workspace, run, limit=1)] == ["worst_first"]
    seen = []
    for _ in range(30):
        sample_id, queue = cards(workspace, run, limit=5)[0]
        decide(workspace, project_id, sample_id, queue)
        seen.append(queue)
    assert 0 < seen.count("audit") < 16  # one before every fourth: 7.5, standard deviation 2.4


def test_a_share_of_zero_mixes_nothing(workspace, run, project_id, ids):
    share(workspace, project_id, 0)
    assert cards(workspace, run) == [(i, "worst_first") for i in ids]
    assert audits.drawn(workspace, project_id) == []


def test_the_share_of_audit_cards_is_that_of_the_setting():
    chances = np.array([audits._chance(sample_id, 7) for sample_id in range(20_000)])
    mixed = (chances < 0.05 / 0.95).mean()
    assert mixed / (1 + mixed) == pytest.approx(0.05, abs=0.005)


def test_settings_that_cannot_be_are_refused(workspace):
    with pytest.raises(DataError, match=r"0\.\.0\.5"):
        ReviewSettings(audit_share=0.9)
    with pytest.raises(DataError, match="seed"):
        ReviewSettings(audit_seed=-1)
    with pytest.raises(NotFoundError):
        audits.get_settings(workspace, 99)
