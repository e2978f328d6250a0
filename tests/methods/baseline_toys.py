"""Features of well-separated classes, some of whose labels are wrong."""

import numpy as np

from turn_core.methods.baseline import BaselineData
from turn_core.views import FeatureViews


def make_data(size=300, num_classes=4, *, noise=0.4, spread=0.6, seed=0):
    """(data in 8 dimensions with four weak and two strong views, what its labels should be)."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((num_classes, 8))

    def draw(count):
        true = np.arange(count) % num_classes
        features = centers[true] + spread * rng.standard_normal((count, 8))
        return features.astype(np.float32), true

    features, true = draw(size)
    test_features, test_labels = draw(200)
    wrong = rng.random(size) < noise
    labels = np.where(wrong, (true + rng.integers(1, num_classes, size)) % num_classes, true)

    def view(change):
        return (features + change * rng.standard_normal(features.shape)).astype(np.float32)

    data = BaselineData(
        features=features,
        labels=labels,
        test_features=test_features,
        test_labels=test_labels,
        num_classes=num_classes,
        views=FeatureViews(tuple(view(0.1) for _ in range(4)), tuple(view(0.4) for _ in range(2))),
    )
    return data, true
