"""How far reviewers agree, and what each did: equal to scikit-learn's on what the votes say."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from votes_bench import Bench

from turn_core import estimates
from turn_core.services import agreement, audits, projects, quality, review, samples, votes
from turn_core.store import audits as draws
from turn_core.types import Action, DecisionRequest, ReviewSettings

PEOPLE = ("ann", "ben", "eve")
NAMES = ("cat", "dog", "owl")


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=30)


@pytest.fixture
def bench(workspace, project_id):
    classes = {info.name: info.class_id for info in projects.classes(workspace, project_id)}
    found = Bench(workspace, project_id, classes)
    found.settings(overlap=2)
    return found


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


def category(vote):
    return vote.action.value if vote.class_id is None else f"class {vote.class_id}"


def test_kappas_are_those_of_scikit_learn_on_the_listed_votes(workspace, bench, ids):
    rng = np.random.default_rng(0)
    said = {who: {} for who in PEOPLE}
    for place, sample_id in enumerate(ids):
        first, second = PEOPLE[place % 3], PEOPLE[(place + 1) % 3]
        said[first][sample_id] = rng.choice([*NAMES, "exclude"])
        again = said[first][sample_id] if rng.random() < 0.6 else rng.choice(NAMES)
        said[second][sample_id] = again
    for who in PEOPLE:
        bench.votes(who, said[who])
    found = agreement.agreement(workspace, bench.project_id)
    assert (found.num_samples, found.num_reviewers, len(found.pairs)) == (30, 3, 3)

    listed = votes.list_votes(workspace, bench.project_id, reader="ann")
    said = {(v.actor, v.sample_id): category(v) for v in listed if v.counts and not v.is_open}
    shares = []
    for pair in found.pairs:
        common = [i for i in ids if (pair.first, i) in said and (pair.second, i) in said]
        columns = [[said[who, i] for i in common] for who in (pair.first, pair.second)]
        assert pair.num_common == len(common) == 10
        assert pair.cohen_kappa.value == pytest.approx(cohen_kappa_score(*columns))
        shares.append(np.mean([a == b for a, b in zip(*columns)]))
        assert pair.percent == pytest.approx(shares[-1])
    assert found.percent == pytest.approx(np.mean(shares))


def test_open_cards_undone_votes_and_skips_count_for_nothing(workspace, bench, ids):
    bench.vote("ann", ids[0], "dog")  # ben has yet to vote
    bench.vote("ann", ids[1], "dog")
    bench.vote("ann", ids[1], "undo")
    bench.vote("ann", ids[1], "owl")
    bench.vote("ben", ids[1], "owl")
    bench.vote("eve", ids[2], "skip")
    found = agreement.agreement(workspace, bench.project_id)
    assert (found.num_samples, found.percent, found.fleiss_kappa) == (1, 1.0, None)
    assert [(pair.first, pair.second, pair.cohen_kappa) for pair in found.pairs] == [
        ("ann", "ben", None)
    ]
    assert [one.name for one in agreement.reviewers(workspace, bench.project_id)] == ["ann", "ben"]


def test_a_project_without_votes_has_no_agreement(workspace, bench):
    found = agreement.agreement(workspace, bench.project_id)
    assert (found.num_samples, found.percent, found.fleiss_kappa, found.pairs) == (
        0,
        None,
        None,
        (),
    )
    assert agreement.reviewers(workspace, bench.project_id) == ()


def test_figures_of_reviewers_join_votes_and_decisions_of_their_own(workspace, bench, ids):
    bench.settings(overlap=1)
    bench.vote("ann", ids[0], "dog", seconds_spent=4.0)  # was a cat: the label changes
    bench.vote("ann", ids[1], "keep", seconds_spent=2.0)
    bench.vote("ann", ids[2], "cat")
    bench.vote("ann", ids[2], "undo")
    bench.vote("ann", ids[3], "skip", seconds_spent=9.0)
    bench.settings(overlap=2)
    bench.vote("ann", ids[4], "dog", seconds_spent=6.0)  # the given label
    bench.vote("ben", ids[4], "owl", seconds_spent=1.0, bulk=True)
    ann, ben = agreement.reviewers(workspace, bench.project_id)
    assert (ann.name, ann.decisions, ann.seconds_median) == ("ann", 3, 4.0)
    assert ann.per_hour == pytest.approx(3600 * 3 / 12)
    assert ann.changed.value == pytest.approx(1 / 3)
    assert (ben.decisions, ben.per_hour, ben.changed.value) == (1, None, 1.0)
    assert ann.with_consensus.value + ben.with_consensus.value == 1


def test_the_consensus_of_a_conflict_follows_who_agrees_with_others(workspace, bench, ids):
    bench.settings(overlap=3)
    rng = np.random.default_rng(1)
    truth = {sample_id: str(rng.choice(NAMES)) for sample_id in ids[:-1]}
    guesses = {sample_id: str(rng.choice(NAMES)) for sample_id in ids[:-1]}
    bench.votes("ann", {**truth, ids[-1]: "dog"})
    bench.votes("eve", {**guesses, ids[-1]: "owl"})
    bench.votes("ben", {**truth, ids[-1]: "dog"})
    page = votes.conflicts(workspace, bench.project_id, after=ids[-2])
    (conflict,) = page.conflicts
    assert page.total > 10
    assert conflict.consensus.class_id == bench.classes["dog"]
    assert conflict.consensus.probability > 0.9
    assert [vote.actor for vote in conflict.votes] == ["ann", "eve", "ben"]
    by_name = {one.name: one for one in agreement.reviewers(workspace, bench.project_id)}
    assert by_name["ann"].with_consensus.value > 0.95 > by_name["eve"].with_consensus.value


def test_a_conflict_of_the_audit_counts_as_half_wrong(workspace, bench, ids, make_run):
    run = make_run(bench.project_id)
    workspace.write(lambda session: draws.draw(session, bench.project_id, seed=0, number=6))
    drawn = audits.drawn(workspace, bench.project_id)
    for who, second in (("ann", "exclude"), ("ben", "keep")):
        for sample_id in drawn:
            what = second if sample_id == drawn[1] else "keep"
            bench.vote(who, sample_id, what, queue="audit")
    found = quality.quality(workspace, bench.project_id, run.run_id).audit
    assert (found.num_audited, found.num_errors, found.num_in_conflict) == (5, 0, 1)
    assert found.noise.value == pytest.approx(0.5 / 6)
    assert found.noise.low == estimates.wilson_interval(0, 6).low
    assert found.noise.high == estimates.wilson_interval(1, 6).high


def test_conflicts_are_read_page_by_page(workspace, bench, ids):
    for sample_id, (who, said) in itertools.product(ids[:3], (("ann", "dog"), ("ben", "owl"))):
        bench.vote(who, sample_id, said)
    first = votes.conflicts(workspace, bench.project_id, limit=2)
    assert [c.sample.sample_id for c in first.conflicts] == ids[:2]
    rest = votes.conflicts(workspace, bench.project_id, after=ids[1], limit=2)
    assert ([c.sample.sample_id for c in rest.conflicts], rest.total) == ([ids[2]], 3)


def test_a_large_batch_of_votes_stays_one_transaction(workspace, make_project):
    project_id = make_project("many", num_samples=60)
    audits.set_settings(workspace, project_id, ReviewSettings(overlap=2), actor="ann")
    many = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    requests = [
        DecisionRequest(sample_id=i, version=0, action=Action.KEEP, idem_key="") for i in many
    ]
    for who in ("ann", "ben"):
        review.record_bulk(workspace, project_id, requests, actor=who, batch_key=f"by {who}")
    assert agreement.agreement(workspace, project_id).num_samples == 60
