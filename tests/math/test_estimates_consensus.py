"""Dawid and Skene's model: by hand, against the formulas written as loops, and invariants."""

import itertools

import numpy as np
import pytest

from turn_core.errors import DataError
from turn_core.estimates import consensus, dawid_skene

ACCURACIES = (0.95, 0.9, 0.85, 0.35)


def simulated(seed=0, num_items=300, num_categories=3):
    """True categories, and choices (V, 3) of people who are right as often as ACCURACIES says."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, num_categories, num_items)
    rows = []
    for person, accuracy in enumerate(ACCURACIES):
        other = (truth + rng.integers(1, num_categories, num_items)) % num_categories
        said = np.where(rng.random(num_items) < accuracy, truth, other)
        rows += zip(range(num_items), itertools.repeat(person), said.tolist())
    kept = [row for row in rows if rng.random() < 0.7]  # not everybody says something of all
    return truth, np.array(kept, np.int64)


def by_loops(rows, steps):
    """Formulas 2.3 to 2.5 of the paper, one number at a time; beliefs by item."""
    items, people, categories = (sorted(set(column)) for column in rows.T.tolist())
    said = {(i, p): c for i, p, c in rows.tolist()}
    belief = {
        i: {
            c: np.mean([said[i, p] == c for p in people if (i, p) in said]) for c in categories
        }
        for i in items
    }  # fmt: skip
    for _ in range(steps):
        frequency = {c: np.mean([belief[i][c] for i in items]) for c in categories}
        table = {
            (p, c, k): sum(belief[i][c] for i in items if said.get((i, p)) == k)
            for p, c, k in itertools.product(people, categories, categories)
        }
        for p, c in itertools.product(people, categories):
            total = sum(table[p, c, k] for k in categories)
            for k in categories:
                table[p, c, k] = table[p, c, k] / total
        for i in items:
            weights = {
                c: frequency[c]
                * np.prod([table[p, c, said[i, p]] for p in people if (i, p) in said])
                for c in categories
            }
            belief[i] = {c: w / sum(weights.values()) for c, w in weights.items()}
    return belief


def test_dawid_skene__as_the_paper_writes_it():
    _, rows = simulated(num_items=60)
    found = dawid_skene(*rows.T, smoothing=0)
    expected = by_loops(rows, found.steps)
    assert 3 < found.steps < consensus.MAX_STEPS
    for item, best, probability in zip(found.items, found.best, found.probability):
        assert probability == pytest.approx(expected[item][best], abs=1e-9)
        assert probability == pytest.approx(max(expected[item].values()))


def test_dawid_skene__beats_the_majority_where_one_person_guesses():
    truth, rows = simulated(seed=1)
    found = dawid_skene(*rows.T)
    votes = np.zeros((len(truth), 3))
    np.add.at(votes, (rows[:, 0], rows[:, 2]), 1)
    right = (found.best == truth[found.items]).mean()
    assert right > (votes.argmax(axis=1) == truth).mean()
    assert found.people.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.accuracy, ACCURACIES, atol=0.06)


def test_dawid_skene__the_order_and_the_names_do_not_matter():
    _, rows = simulated(seed=2, num_items=80)
    found = dawid_skene(*rows.T)
    mixed = np.random.default_rng(0).permutation(rows)
    again = dawid_skene(mixed[:, 0] + 1000, 7 - mixed[:, 1], 5 * mixed[:, 2])
    assert again.best.tolist() == (5 * found.best).tolist()
    np.testing.assert_allclose(again.probability, found.probability, atol=1e-9)
    np.testing.assert_allclose(again.accuracy[::-1], found.accuracy, atol=1e-9)


def test_dawid_skene__large_tables_are_added_up_in_parts(monkeypatch):
    _, rows = simulated(seed=3, num_items=50)
    whole = dawid_skene(*rows.T)
    monkeypatch.setattr(consensus, "_CELLS_AT_ONCE", 10)
    parts = dawid_skene(*rows.T)
    np.testing.assert_allclose(parts.probability, whole.probability)


def test_dawid_skene__two_who_always_agree_are_believed():
    items, people = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1] * 3)
    found = dawid_skene(items, people, np.array([4, 4, 9, 9, 4, 4]))
    assert found.best.tolist() == [4, 9, 4]
    assert found.probability.min() > 0.95


def test_dawid_skene__choices_are_needed():
    none = np.array([], np.int64)
    with pytest.raises(DataError, match="needs choices"):
        dawid_skene(none, none, none)
    with pytest.raises(DataError, match="needs choices"):
        dawid_skene(np.array([0]), np.array([0, 1]), np.array([0]))


def held_both_ways(monkeypatch, rows, **more):
    """The consensus by whole tables, and by sparse ones, both run until nothing moves."""
    whole = dawid_skene(*rows.T, **more)
    monkeypatch.setattr(consensus, "DENSE_CELLS", 0)
    monkeypatch.setattr(consensus, "MAX_SPARSE_STEPS", consensus.MAX_STEPS)
    return whole, dawid_skene(*rows.T, **more)


@pytest.mark.parametrize("smoothing", [0, consensus.SMOOTHING])
def test_dawid_skene__sparse_tables_give_the_same_where_all_is_chosen(monkeypatch, smoothing):
    _, rows = simulated(seed=4, num_items=60)
    whole, sparse = held_both_ways(monkeypatch, rows, smoothing=smoothing)
    assert sparse.best.tolist() == whole.best.tolist()
    np.testing.assert_allclose(sparse.probability, whole.probability, atol=1e-9)
    np.testing.assert_allclose(sparse.accuracy, whole.accuracy, atol=1e-9)


def test_dawid_skene__sparse_tables_give_the_same_among_many_categories(monkeypatch):
    _, rows = simulated(seed=5, num_items=1500, num_categories=60)
    lone = np.isin(rows[:, 0], np.flatnonzero(np.bincount(rows[:, 0]) < 3))
    whole, sparse = held_both_ways(monkeypatch, rows[~lone])
    assert sparse.steps == whole.steps
    assert sparse.best.tolist() == whole.best.tolist()
    np.testing.assert_allclose(sparse.probability, whole.probability, atol=1e-6)
    np.testing.assert_allclose(sparse.accuracy, whole.accuracy, atol=1e-6)
    assert sparse.probability.max() <= 1
