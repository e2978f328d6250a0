"""Measures of how far apart the classes lie. N samples, D feature dimensions, K classes."""

import numpy as np
import torch
from torch.nn import functional as F

from turn_core.distortion.checks import Features, Labels, large_classes, with_labels
from turn_core.errors import DataError
from turn_core.seeds import derive

FOLDS = 5

INVERSE_PENALTY = 0.01
"""C of the probe in `separability`: on standardised features a weaker penalty only overfits."""


def silhouette(features: Features, labels: Labels) -> float:
    """Mean silhouette (Rousseeuw, 1987) by cosine distance, -1..1; exact, in time N K D.

    (b - a) / max(a, b), a the mean distance to the others of the own class, b that to the
    nearest other class; 0 for the only sample of a class. The mean cosine distance to a class is
    one minus the product with the mean of its unit vectors, so no pair is looked at.

    Raises:
        DataError: shapes disagree, a number is not finite, or fewer than two classes have labels.
    """
    known, classes = with_labels(features, labels)
    names, own = np.unique(classes, return_inverse=True)
    if len(names) < 2:
        raise DataError(f"a silhouette needs labels of at least 2 classes, got {len(names)}")
    unit = F.normalize(torch.from_numpy(known.astype(np.float64)), dim=1).numpy()
    rows, sizes = np.arange(len(own)), np.bincount(own)
    sums = unit @ np.stack([unit[own == one].sum(axis=0) for one in range(len(names))]).T
    others = sizes[own] - 1
    inside = 1 - (sums[rows, own] - (unit**2).sum(axis=1)) / np.maximum(others, 1)
    distances = 1 - sums / sizes
    distances[rows, own] = np.inf
    outside = distances.min(axis=1)
    larger = np.maximum(inside, outside)
    values = np.divide(outside - inside, larger, out=np.zeros(len(own)), where=larger > 0)
    return float(np.where(others > 0, values, 0).mean())


def separability(features: Features, labels: Labels, *, seed: int, folds: int = FOLDS) -> float:
    """Accuracy of a multinomial logistic probe in stratified cross-validation, 0..1.

    L2-penalised (C = 0.01) on features standardised per fold. Classes of fewer than `folds`
    labelled samples are left out.

    Raises:
        DataError: shapes disagree, a number is not finite, or fewer than two classes remain.
    """
    from sklearn.linear_model import LogisticRegression  # heavy, and only this needs it
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    known, classes = with_labels(features, labels)
    kept = np.isin(classes, large_classes(classes, folds))
    known, classes = known[kept].astype(np.float64), classes[kept]
    if len(np.unique(classes)) < 2:
        raise DataError(f"a probe needs 2 classes of at least {folds} labelled samples each")
    splits = StratifiedKFold(folds, shuffle=True, random_state=derive(seed, "separability"))
    right = 0
    for train, test in splits.split(known, classes):
        scaler = StandardScaler().fit(known[train])
        probe = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
        probe.fit(scaler.transform(known[train]), classes[train])
        right += int((probe.predict(scaler.transform(known[test])) == classes[test]).sum())
    return right / len(classes)
