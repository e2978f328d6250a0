"""Measures of distortion, by hand and against scikit-learn and other formulas."""

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.metrics.pairwise import cosine_distances
from sklearn.neighbors import KNeighborsClassifier

from turn_core import distortion
from turn_core.distortion import classes as class_measures
from turn_core.distortion import neighbourhoods
from turn_core.errors import DataError
from turn_core.types.distortion import METRICS


def clouds(num=120, num_classes=3, width=8, *, spread=1.0, seed=0):
    """Features (N, D) around a centre per class, and their labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % num_classes
    centres = rng.standard_normal((num_classes, width)) * 2
    return centres[labels] + spread * rng.standard_normal((num, width)), labels


def rotation(width, *, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))[0]


def hsic_cka(first, second):
    """CKA by its other formula: centred Gram matrices (N, N) and their inner products."""
    centre = np.eye(len(first)) - 1 / len(first)
    grams = [centre @ one @ one.T @ centre for one in (first, second)]
    product = np.trace(grams[0] @ grams[1])
    return product / np.sqrt(np.trace(grams[0] @ grams[0]) * np.trace(grams[1] @ grams[1]))


def test_linear_cka__equals_the_formula_by_gram_matrices():
    first, second = clouds()[0], clouds(seed=1, width=5)[0]
    assert distortion.linear_cka(first, second) == pytest.approx(hsic_cka(first, second), abs=1e-12)


def test_linear_cka__is_1_for_rotation_scale_and_shift_and_0_where_nothing_is_shared():
    features = clouds()[0]
    moved = 3 * features @ rotation(8) - 7
    assert distortion.linear_cka(features, moved) == pytest.approx(1)
    assert distortion.linear_cka(features, np.full((120, 2), 0.1)) == 0
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    assert distortion.linear_cka(corners[:, :1], corners[:, 1:]) == pytest.approx(0, abs=1e-12)


def test_neighbours_kept__by_hand():
    angles = np.deg2rad([0, 10, 30, 60])  # nearest by cosine: 1, 0, 1, 2
    before = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    angles = np.deg2rad([0, 10, 25, 26])  # nearest: 1, 0, 3, 2
    after = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert distortion.neighbours_kept(before, after, k=1) == 0.75
    assert distortion.neighbours_kept(before, before @ rotation(2), k=2) == 1


def test_neighbours_kept__of_unrelated_features_is_chance():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 400, 20))
    assert distortion.neighbours_kept(first, second) == pytest.approx(15 / 399, abs=0.01)


def test_neighbour_purity__by_hand_and_unlabelled_samples_are_left_out():
    angles = np.deg2rad([0, 10, 12, 50, 55])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    purity = distortion.neighbour_purity(features, np.array([0, 0, 1, 1, 1]), k=1)
    np.testing.assert_array_equal(purity, [1, 0, 0, 1, 1])
    purity = distortion.neighbour_purity(features, np.array([0, 0, -1, 1, 1]), k=1)
    np.testing.assert_array_equal(purity, [1, 1, np.nan, 1, 1])
    alone = distortion.neighbour_purity(features, np.array([0, -1, -1, -1, -1]))
    assert np.isnan(alone).all()


def test_knn_accuracy__equals_scikit_learn():
    features, labels = clouds(300, 2, spread=3)
    distances = cosine_distances(features)
    np.fill_diagonal(distances, 9)  # nobody votes for himself; k is odd, so no ties
    peers = KNeighborsClassifier(15, metric="precomputed").fit(np.maximum(distances, 0), labels)
    expected = peers.score(distances, labels)
    assert distortion.knn_accuracy(features, labels) == pytest.approx(expected)
    assert 0.6 < expected < 0.99


def test_vote__a_tie_goes_to_the_class_of_the_nearest():
    classes = np.array([5, 7, 7, 5, 9])
    near = np.array([[1, 0, 3, 2, 4], [4, 0, 1, 2, 3], [4, 3, 2, 0, 1]])
    np.testing.assert_array_equal(neighbourhoods.vote(near, classes), [7, 5, 5])


@pytest.mark.parametrize("spread", [0.2, 2, 10])
def test_silhouette__equals_scikit_learn(spread):
    features, labels = clouds(90, 4, spread=spread)
    labels[:30] = 1  # unequal classes
    labels[5] = 6  # one of a single sample
    features[7] = 0
    expected = silhouette_score(features, labels, metric="cosine")
    assert distortion.silhouette(features, labels) == pytest.approx(expected, abs=1e-9)


def test_silhouette__does_not_see_samples_without_a_label():
    features, labels = clouds()
    more = np.concatenate([features, -features[:9]])
    unknown = np.concatenate([labels, np.full(9, -1)])
    expected = distortion.silhouette(features, labels)
    assert distortion.silhouette(more, unknown) == pytest.approx(expected)


def test_separability__is_high_where_classes_are_apart_and_chance_where_not():
    features, labels = clouds(400, 4, spread=0.5)
    assert distortion.separability(features, labels, seed=0) > 0.99
    labels = np.random.default_rng(1).permutation(labels)
    assert distortion.separability(features, labels, seed=0) == pytest.approx(0.25, abs=0.08)


def test_separability__leaves_out_classes_that_are_too_small_for_the_folds():
    features, labels = clouds(100, 2, spread=0.5)
    labels[:4] = 2
    rest = distortion.separability(features[4:], labels[4:], seed=0)
    assert distortion.separability(features, labels, seed=0) == rest


def test_separability__is_a_function_of_the_seed_and_not_of_scale():
    features, labels = clouds(150, 3, spread=4)
    first = distortion.separability(features, labels, seed=0)
    assert distortion.separability(features * 1000 + 5, labels, seed=0) == pytest.approx(first)
    others = {distortion.separability(features, labels, seed=seed) for seed in range(5)}
    assert len(others) > 1


def test_singular_values__equal_those_of_the_matrix():
    features = clouds(60, width=12)[0]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for centre, axis in (("dimension", 0), ("sample", 1)):
        centred = unit - unit.mean(axis=axis, keepdims=True)
        values = torch.linalg.svdvals(torch.from_numpy(centred)).numpy()
        shares = values / values.sum()
        shares = shares[shares > 1e-8]
        entropy = -(shares * np.log(shares)).sum()
        found = distortion.singular_value_entropy(features, centre=centre)
        assert found == pytest.approx(entropy, abs=1e-6)
        ratio = distortion.largest_singular_value_ratio(features, centre=centre)
        assert ratio == pytest.approx(-np.log(shares[0]), abs=1e-6)


def test_singular_values__more_dimensions_than_samples_are_the_same():
    features = clouds(10, width=6)[0]
    wide = np.concatenate([features, np.zeros((10, 30))], axis=1)
    for measure in (distortion.singular_value_entropy, distortion.largest_singular_value_ratio):
        assert measure(wide) == pytest.approx(measure(features), abs=1e-6)


def test_singular_values__by_hand():
    cross = np.concatenate([np.eye(4), -np.eye(4)])  # every direction alike
    assert distortion.singular_value_entropy(cross) == pytest.approx(np.log(4))
    assert distortion.largest_singular_value_ratio(cross) == pytest.approx(np.log(4))
    line = np.outer([1, -1, 2, -2.0], [3, 4])
    assert distortion.singular_value_entropy(line) == pytest.approx(0, abs=1e-6)
    same = np.full((5, 3), 0.1)
    assert distortion.singular_value_entropy(same) == 0
    assert distortion.largest_singular_value_ratio(same) == 0


@pytest.mark.parametrize("k", [1, 15])
def test_trustworthiness__equals_scikit_learn(k):
    features = clouds(100)[0].astype(np.float32)
    for projection in (features[:, :2], np.random.default_rng(0).standard_normal((100, 2))):
        expected = sklearn_trustworthiness(features, projection, n_neighbors=k, metric="cosine")
        found = distortion.trustworthiness(features, projection, k)
        assert found == pytest.approx(expected, abs=1e-9)


def test_trustworthiness__in_blocks_is_the_same(monkeypatch):
    features = clouds(100)[0]
    whole = distortion.trustworthiness(features, features[:, :2])
    monkeypatch.setattr(neighbourhoods, "BLOCK_ELEMENTS", 700)
    asked = []
    parts = distortion.trustworthiness(features, features[:, :2], check=lambda: asked.append(1))
    assert parts == whole
    assert len(asked) == 15


def test_panel__has_every_metric_in_the_order_of_its_text_and_says_what_each_function_says():
    before, labels = clouds(150, 3)
    after = clouds(150, 3, seed=4)[0]
    found = distortion.panel_metrics(before, after, labels, after[:, :2], seed=2)
    assert list(found) == list(METRICS)
    assert found["cka"] == distortion.linear_cka(before, after)
    assert found["neighbours_kept"] == distortion.neighbours_kept(before, after)
    assert found["purity"] == distortion.neighbour_purity(after, labels).mean()
    assert found["knn_accuracy"] == distortion.knn_accuracy(after, labels)
    assert found["silhouette"] == distortion.silhouette(after, labels)
    assert found["separability"] == distortion.separability(after, labels, seed=2)
    assert found["sve"] == distortion.singular_value_entropy(after)
    assert found["lsvr"] == distortion.largest_singular_value_ratio(after)
    assert found["trustworthiness"] == distortion.trustworthiness(after, after[:, :2])
    assert all(type(value) is float for value in found.values())


def test_panel__uses_the_samples_that_have_a_label():
    features, labels = clouds(150, 3)
    labels[::2] = -1
    found = distortion.panel_metrics(features, features, labels, None, seed=0)
    purity = distortion.neighbour_purity(features, labels)[1::2]
    assert found["purity"] == purity.mean()
    assert found["knn_accuracy"] == distortion.knn_accuracy(features, labels)
    assert "trustworthiness" not in found


@pytest.mark.parametrize("labels", [np.full(30, -1), np.where(np.arange(30) < 9, 2, -1)])
def test_panel__without_two_labelled_classes_lacks_what_needs_labels(labels):
    features = clouds(30)[0]
    found = distortion.panel_metrics(features, features, labels, features[:, :2], seed=0)
    assert list(found) == ["cka", "neighbours_kept", "sve", "lsvr", "trustworthiness"]


def test_panel__with_few_labels_lacks_the_probe_only():
    features = clouds(30)[0]
    labels = np.full(30, -1)
    labels[:4], labels[4:8] = 0, 1
    found = distortion.panel_metrics(features, features, labels, None, seed=0)
    assert "separability" not in found
    assert {"purity", "knn_accuracy", "silhouette"} <= set(found)


def test_panel__of_collapsed_features_is_finite():
    before, labels = clouds(40)
    found = distortion.panel_metrics(before, np.ones((40, 8)), labels, before[:, :2], seed=0)
    assert np.isfinite(list(found.values())).all()
    assert (found["cka"], found["sve"], found["lsvr"]) == (0, 0, 0)


def test_panel__stops_when_told_to():
    class StopError(Exception): ...

    def stop():
        raise StopError

    features, labels = clouds()
    with pytest.raises(StopError):
        distortion.panel_metrics(features, features, labels, None, seed=0, check=stop)


def test_measures__do_not_depend_on_the_order_of_samples():
    before, labels = clouds(120, 3, spread=2)
    after = clouds(120, 3, seed=3)[0]
    order = np.random.default_rng(0).permutation(120)
    for name in ("cka", "neighbours_kept", "purity", "knn_accuracy", "silhouette", "sve", "lsvr"):
        first = distortion.panel_metrics(before, after, labels, None, seed=0)[name]
        moved = distortion.panel_metrics(before[order], after[order], labels[order], None, seed=0)[
            name
        ]
        assert moved == pytest.approx(first, abs=1e-9), name


def test_measures__refuse_what_they_cannot_use():
    features, labels = clouds(20)
    with pytest.raises(DataError, match="same samples, got 20 and 19"):
        distortion.linear_cka(features, features[1:])
    with pytest.raises(DataError, match="at least 3 samples"):
        distortion.linear_cka(features[:2], features[:2])
    with pytest.raises(DataError, match="finite"):
        distortion.silhouette(np.where(features > 0, np.nan, features), labels)
    with pytest.raises(DataError, match="labels must be one per sample"):
        distortion.neighbour_purity(features, labels[1:])
    with pytest.raises(DataError, match="at least 2 classes, got 1"):
        distortion.silhouette(features, np.zeros(20, int))
    with pytest.raises(DataError, match="2 classes of at least 5"):
        distortion.separability(features, np.arange(20), seed=0)
    with pytest.raises(DataError, match="2 labelled samples, got 0"):
        distortion.knn_accuracy(features, np.full(20, -1))


def test_metrics__every_text_is_one_line_for_people():
    for name, metric in METRICS.items():
        assert metric.label, name
        assert metric.explanation.endswith("."), name
        assert "\n" not in metric.explanation, name
        assert metric.higher_is in ("nearer", "better", "neither"), name
    assert class_measures.FOLDS == 5
