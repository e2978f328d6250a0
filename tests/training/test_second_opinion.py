import numpy as np
import pytest
import torch

from turn_core import estimates, second_opinion
from turn_core.config import ProbeConfig

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")


def blobs(size=120, num_classes=3, wrong=12):
    rng = np.random.default_rng(0)
    true = np.arange(size) % num_classes
    features = (3 * np.eye(num_classes)[true] + rng.normal(0, 0.4, (size, num_classes))).astype(
        np.float32
    )
    labels = true.copy()
    labels[:wrong] = (labels[:wrong] + 1) % num_classes
    return features, labels, true


def opinion(features, labels, *, mask=None, keys=None):
    fold = second_opinion.folds_of(labels, keys or [str(i) for i in range(len(labels))])
    everyone = np.ones(len(labels), bool)
    return second_opinion.out_of_sample(
        features, labels, int(labels.max()) + 1, ProbeConfig(epochs=5), fold,
        seed=0, mask=everyone if mask is None else mask, device=CPU,
    )  # fmt: skip


def test_folds_spread_every_class_and_keep_copies_together():
    labels = np.repeat([0, 1], 10)
    keys = [f"image {i % 15}" for i in range(20)]
    fold = second_opinion.folds_of(labels, keys)
    assert all(fold[i] == fold[i + 15] for i in range(5))
    assert np.bincount(fold[:10]).tolist() == [2] * 5
    np.testing.assert_array_equal(fold, second_opinion.folds_of(labels, keys))


def test_out_of_sample_probabilities_find_the_wrong_labels():
    features, labels, true = blobs()
    probabilities, unjudged = opinion(features, labels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert not unjudged.any()
    assert (probabilities.argmax(axis=1) == true).mean() > 0.95
    found = estimates.confident_learning(probabilities, labels)
    assert (found.flagged == (labels != true)).mean() > 0.95


def test_a_label_of_its_own_cannot_be_judged():
    features, labels, _ = blobs(wrong=0)
    labels[5] = 3
    mask = np.ones(len(labels), bool)
    mask[7] = False
    _, unjudged = opinion(features, labels, mask=mask)
    assert np.flatnonzero(unjudged).tolist() == [5, 7]


def test_progress_counts_folds_and_may_stop():
    features, labels, _ = blobs()
    told = []
    fold = second_opinion.folds_of(labels, [str(i) for i in range(len(labels))], folds=2)

    def stop(done, total):
        told.append((done, total))
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        second_opinion.out_of_sample(
            features, labels, 3, ProbeConfig(epochs=2), fold, seed=0,
            mask=np.ones(len(labels), bool), device=CPU, on_progress=stop,
        )  # fmt: skip
    assert told[0] == (0, 2)
    assert told[-1] == (1, 2)
