"""Who has which card before them: no two reviewers the same, and a dead browser gives back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from turn_core.services import audits, claims, queues, review, samples
from turn_core.store.claims import held
from turn_core.types import Action, DecisionRequest, Outcome, QueueFilter, ReviewSettings
from turn_core.types.reviewing import Claimant

ANN, BEN = Claimant("ann"), Claimant("ben")
NUM_SAMPLES, NUM_REVIEWERS = 48, 8


@pytest.fixture
def project_id(workspace, make_project):
    """Eight samples, reviewed without a random audit, which would change the order."""
    found = make_project(num_samples=8)
    audits.set_settings(workspace, found, ReviewSettings(audit_share=0), actor="ann")
    return found


@pytest.fixture
def run(project_id, make_run):
    return make_run(project_id)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


def take(workspace, run, claimant, queue=queues.WORST_FIRST, **more):
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, queue, claimant=claimant, **more
    )
    return [candidate.sample.sample_id for candidate in found]


def decide(workspace, project_id, sample_id, actor, key=None):
    seen = samples.get_sample(workspace, project_id, sample_id)
    request = DecisionRequest(
        sample_id=sample_id,
        version=seen.version,
        action=Action.KEEP,
        idem_key=key or f"{actor}-{sample_id}",
    )
    return review.record(workspace, project_id, [request], actor=actor)[0]


def test_two_reviewers_get_different_cards(workspace, run, ids):
    assert take(workspace, run, ANN, limit=3) == ids[:3]
    assert take(workspace, run, BEN, limit=3) == ids[3:6]
    assert take(workspace, run, ANN, limit=3, after=ids[2]) == ids[6:]
    assert take(workspace, run, BEN, limit=9) == ids[3:6]  # the rest is with ann


def test_a_reloaded_page_gets_its_cards_again(workspace, run, ids):
    take(workspace, run, ANN, limit=3)
    assert take(workspace, run, ANN, limit=4) == ids[:4]


def test_two_browsers_of_one_name_get_different_cards(workspace, run, ids):
    assert take(workspace, run, Claimant("ann", "desk"), limit=2) == ids[:2]
    assert take(workspace, run, Claimant("ann", "phone"), limit=2) == ids[2:4]


def test_a_look_claims_nothing_and_shows_everything(workspace, run, project_id, ids):
    take(workspace, run, ANN, limit=8)
    found = queues.next_candidates(workspace, project_id, run.run_id)
    assert [candidate.sample.sample_id for candidate in found] == ids
    assert take(workspace, run, BEN) == []


def test_another_queue_gives_back_the_cards_of_the_one_before(workspace, run, ids):
    take(workspace, run, ANN, limit=3)
    assert take(workspace, run, ANN, QueueFilter(low=0.9), limit=3) == ids[-1:]
    assert take(workspace, run, BEN, limit=3) == ids[:3]


def test_released_cards_are_free_at_once(workspace, run, project_id, ids):
    take(workspace, run, ANN, limit=3)
    claims.release(workspace, project_id, ANN)
    assert take(workspace, run, BEN, limit=3) == ids[:3]


def test_a_browser_that_died_gives_back_when_its_lease_ends(
    workspace, run, project_id, ids, monkeypatch
):
    monkeypatch.setattr(claims, "LEASE_SECONDS", 0)
    take(workspace, run, ANN, limit=3)
    assert claims.renew(workspace, project_id, ANN) == 0  # too late: others may have them
    assert take(workspace, run, BEN, limit=3) == ids[:3]


def test_a_lease_is_renewed_once_half_of_it_is_over(workspace, run, project_id, monkeypatch):
    def ends():
        with workspace.reading() as session:
            return held(session, project_id, ANN)

    take(workspace, run, ANN, limit=3)
    first = ends()
    assert claims.renew(workspace, project_id, ANN) == 3
    assert ends() == first
    monkeypatch.setattr(claims, "LEASE_SECONDS", 700)  # 300 is less than half of it
    assert claims.renew(workspace, project_id, ANN) == 3
    assert min(ends()) > max(first)
    assert claims.renew(workspace, project_id, BEN) == 0


def test_a_decision_ends_the_claim_and_a_late_one_meets_the_version_gate(
    workspace, run, project_id, ids, monkeypatch
):
    monkeypatch.setattr(claims, "LEASE_SECONDS", 0)
    take(workspace, run, ANN, limit=2)
    assert take(workspace, run, BEN, limit=2) == ids[:2]
    assert decide(workspace, project_id, ids[0], "ben").outcome is Outcome.SAVED
    late = DecisionRequest(sample_id=ids[0], version=0, action=Action.EXCLUDE, idem_key="late")
    assert review.record(workspace, project_id, [late], actor="ann")[0].outcome is Outcome.CONFLICT
    undone = review.undo(
        workspace, project_id, ids[0], idem_key="undo", version=1, actor="ben"
    )  # reopened
    assert undone.outcome is Outcome.SAVED
    assert take(workspace, run, ANN, limit=1) == ids[:1]


def test_many_reviewers_at_once_share_the_queue_without_a_card_given_twice(
    workspace, make_project, make_run
):
    project_id = make_project("crowd", num_samples=NUM_SAMPLES)
    run = make_run(project_id)
    start = threading.Barrier(NUM_REVIEWERS)

    def work(number):
        me, mine = Claimant(f"reviewer {number}"), []
        start.wait()
        while cards := take(workspace, run, me, limit=3):
            for sample_id in cards:
                result = decide(workspace, project_id, sample_id, me.reviewer)
                mine.append((sample_id, result.outcome))
        return mine

    with ThreadPoolExecutor(NUM_REVIEWERS) as pool:
        done = [item for mine in pool.map(work, range(NUM_REVIEWERS)) for item in mine]
    assert {outcome for _, outcome in done} == {Outcome.SAVED}
    assert len(done) == len({sample_id for sample_id, _ in done}) == NUM_SAMPLES
    assert len(review.ledger(workspace, project_id)) == NUM_SAMPLES


def test_a_reviewer_who_changes_the_name_keeps_the_cards(workspace, run, ids):
    take(workspace, run, Claimant("root", "desk"), limit=3)
    assert take(workspace, run, Claimant("ann", "desk"), limit=3) == ids[:3]


def undo(workspace, project_id, sample_id, actor, **more):
    seen = samples.get_sample(workspace, project_id, sample_id)
    request = DecisionRequest(
        sample_id=sample_id,
        version=seen.version,
        action=Action.UNDO,
        idem_key=f"undo {sample_id} {seen.version}",
    )
    return review.record(workspace, project_id, [request], actor=actor, **more)[0]


def test_an_undone_card_stays_with_who_has_it_on_the_screen_again(workspace, run, project_id, ids):
    desk = Claimant("ann", "desk")
    take(workspace, run, desk, limit=2)
    decide(workspace, project_id, ids[0], "ann")
    assert take(workspace, run, BEN, limit=1) == ids[2:3]
    undo(workspace, project_id, ids[0], "ann", browser="desk")
    assert take(workspace, run, BEN, limit=2) == ids[2:4]  # not the first, which ann has
    assert take(workspace, run, desk, limit=2) == ids[:2]
    assert decide(workspace, project_id, ids[0], "ann", "again").outcome is Outcome.SAVED
    undo(workspace, project_id, ids[0], "ann")  # by a script: it is before nobody
    assert take(workspace, run, BEN, limit=1) == ids[:1]


def test_an_undone_batch_stays_with_who_undid_it(workspace, run, project_id, ids):
    take(workspace, run, Claimant("ann", "desk"), limit=3)
    requests = [
        DecisionRequest(sample_id=i, version=0, action=Action.KEEP, idem_key="") for i in ids[:3]
    ]
    review.record_bulk(workspace, project_id, requests, actor="ann", batch_key="batch 1")
    review.undo_batch(
        workspace, project_id, "batch 1", undo_key="batch 2", actor="ann", browser="desk"
    )
    assert take(workspace, run, BEN, limit=2) == ids[3:5]
