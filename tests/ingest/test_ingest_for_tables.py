"""The official batches of CIFAR-100, read for a table of the paper."""

import numpy as np
import published_sets

from turn_core.experiments.reproduce.benchmark import read_cifar100


def test_official_batches__are_read_by_split(tmp_path):
    labels = {"train": np.arange(12) % 3, "test": np.arange(6) % 3}
    pixels = {split: published_sets.planes(len(many)) for split, many in labels.items()}
    for split, many in labels.items():
        names = [f"{split}_{place}.png".encode() for place in range(len(many))]
        raw = published_sets.batch(pixels[split], many.tolist(), names)
        (tmp_path / split).write_bytes(raw)
    (tmp_path / "meta").write_bytes(published_sets.meta())
    found = read_cifar100(tmp_path, scale="full")
    assert found.class_names == ("apple", "aquarium_fish", "baby")
    assert (found.superclasses, found.human) == ((4, 1, 14), None)
    assert np.array_equal(found.labels, labels["train"])
    assert np.array_equal(found.test_labels, labels["test"])
    assert np.array_equal(found.raw.reshape(12, -1), pixels["train"])
