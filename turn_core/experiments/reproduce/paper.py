"""The numbers of the TURN paper, as printed: test accuracy in percent, best / last of all epochs.

Ahn, Kim, Ko, Yun: "Fine-tuning Pre-trained Models for Robustness under Noisy Labels". Backbones
bear the names of the registry, noise and methods those of `plan`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Pair(NamedTuple):
    """Accuracy in percent: the best epoch's, and the last one's."""

    best: float
    last: float


Key = tuple[str, str, str]
"""Backbone, noise, method."""

NOISES = ("symmetric-0.6", "symmetric-0.9", "asymmetric-block-0.4", "instance-cheng-0.4")
METHODS = (
    *("fft-ce", "fft-gce", "fft-elr"),
    *("lp-ce", "lp-gce", "lp-elr", "lp-dividemix", "lp-unicon"),
    "turn",
)

_TABLE_2 = {
    "vit-b16": """
        88.56 77.39  63.43 49.61  61.94 61.45  64.82 62.07
        89.98 89.98  45.40 45.40  83.09 83.86   1.61  1.61
        89.03 84.15  64.12 58.05  77.36 74.65  83.04 71.40
        81.00 74.70  64.61 39.50  61.66 57.18  61.66 57.81
        84.63 84.63  80.92 80.92  76.05 76.05  43.21 43.21
        81.03 75.88  65.80 42.43  64.50 57.09  69.42 66.30
        84.28 84.23  80.77 80.45  83.00 83.00  84.55 84.50
        84.25 84.10  80.84 79.82  84.18 84.10  84.87 84.69
        90.50 90.50  84.53 83.33  87.33 87.33  87.77 87.77
    """,
    "convnext-t": """
        79.38 75.06  54.15 49.39  68.72 59.98  57.81 55.34
        82.13 82.25  64.06 64.06  79.87 72.01   1.07  1.07
        79.24 77.21  51.71 48.01  74.94 73.03  66.76 52.95
        70.30 64.54  52.52 33.40  54.08 48.62  61.99 52.97
        74.74 74.74  65.67 65.67  70.91 70.91   5.17  5.17
        70.90 65.58  52.31 33.88  56.47 53.49  61.40 56.87
        75.59 75.59  68.10 67.85  72.79 72.79  65.51 65.51
        70.25 70.25  60.11 60.11  65.27 65.24  69.25 69.25
        83.74 83.74  69.94 69.94  81.68 81.37  73.10 73.10
    """,
    "mae-b": """
        60.30 61.68   8.00  8.00  55.80 55.03  50.41 50.06
        58.30 58.30   3.16  3.16  60.03 60.03   1.00  1.00
        63.10 63.10   7.96  7.96  66.83 66.83  48.68 48.68
        48.11 47.08  19.92 13.41  38.89 36.56  44.64 42.41
        49.72 49.36  14.40 14.02  48.72 47.12   1.69  1.69
        47.66 46.86  17.26 13.73  39.28 37.70  46.03 38.87
        59.99 59.84  24.27 23.22  55.45 55.29  50.98 50.98
        37.57 38.57  21.45 21.44  34.06 34.06  39.05 39.05
        64.63 64.63  28.52 28.52  65.72 65.72  56.43 56.43
    """,
    "msn-b": """
        67.11 67.11   5.88  5.88  57.61 58.95  62.70 51.69
        65.03 65.03   7.71  7.71  61.58 61.58   1.00  1.00
        67.25 67.25   5.90  5.90  70.15 65.51  57.93 57.93
        59.18 56.65  22.28 21.73  47.92 47.05  63.99 40.99
        47.57 47.57  14.54 14.54  42.74 42.52   1.75  1.75
        60.18 56.62  20.20 18.84  50.59 46.08  61.81 54.23
        70.88 70.49  42.98 42.31  65.65 65.08  61.36 60.54
        67.36 67.36  51.59 51.46  60.94 60.94  66.13 66.13
        79.42 79.42  54.53 54.53  75.11 74.95  68.91 68.91
    """,
    "clip-b16": """
        80.22 80.22  27.50 27.50  65.21 61.55  72.83 56.00
        81.46 81.46   6.13  3.54  77.63 75.87   1.07  1.07
        76.88 76.88  32.82 32.82  76.86 76.86  71.35 65.36
        74.04 69.83  51.17 35.07  55.88 53.41  63.36 59.04
        79.50 78.90  65.00 61.11  73.01 71.43  19.75 19.45
        74.19 70.85  51.50 36.71  57.66 52.28  65.89 64.46
        79.40 79.33  69.54 69.54  76.00 76.00  70.70 70.40
        74.44 74.44  60.63 60.63  67.75 67.71  73.54 73.54
        83.46 83.46  71.27 72.17  79.29 79.29  79.29 79.29
    """,
    "resnet-50": """
        65.60 65.60   1.45  1.37  53.21 53.21  57.08 47.25
        55.76 55.76   5.73  4.72  63.17 63.18   0.95  0.95
        65.11 65.11   8.08  8.08  61.18 61.18  56.88 56.88
        67.84 63.68  51.06 33.95  53.73 49.58  31.11 50.44
        64.61 64.61  49.15 48.60  58.47 58.47  58.02 58.02
        67.50 64.44  50.79 34.72  55.56 50.92  54.45 52.91
        70.37 70.37  56.85 56.74  64.26 64.07  60.68 60.68
        69.03 69.03  57.89 57.89  66.69 66.69  67.95 67.95
        72.12 72.12  58.11 58.11  68.33 68.33  69.99 69.99
    """,
}
"""Rows: METHODS. Columns: best and last for each of NOISES. CIFAR-100, all 100 classes."""

_METHODS_3 = (*METHODS[3:8], *METHODS[:3], "turn")
_BACKBONES_3 = ("vit-b16", "convnext-t", "mae-b", "msn-b", "resnet-50")
_TABLE_3 = {
    "clothing1m": """
        67.83 67.54  67.46 67.46  66.91 66.91  68.13 68.13  68.42 68.42
        68.98 68.98  69.74 69.74  68.73 68.73  70.28 70.28
        64.82 64.81  64.59 64.59  64.17 64.17  66.12 65.42  67.33 66.92
        68.80 68.80  68.92 68.92  69.19 68.52  69.63 69.63
         5.06  5.06   5.92  5.92   8.28  8.28   8.04  8.04   8.52  8.52
        61.31 61.31  60.80 60.80  61.51 61.51  61.96 61.96
         6.77  6.77   6.20  6.20   7.64  7.64   6.42  6.42   6.31  6.31
        66.88 63.38  67.06 65.41  66.32 66.32  69.13 69.13
         7.08  7.08   7.18  7.18   6.68  6.68   8.13  8.13   8.24  8.24
        66.10 66.02  66.19 66.19  66.19 66.19  66.31 66.31
    """,
    "webvision": """
        84.62 84.48  84.32 84.24  84.48 84.32  84.72 84.72  85.68 85.68
        84.20 83.04  83.40 83.40  84.92 83.72  85.96 85.92
        85.24 85.24  85.12 85.04  86.28 86.28  86.40 86.40  86.24 86.24
        84.00 82.68  85.40 84.92  84.52 83.44  87.16 86.44
        48.00 48.00  47.32 47.28  49.76 49.76  59.40 58.44  56.96 53.80
        67.48 65.64  63.16 62.84  67.80 67.80  69.45 68.45
        77.40 77.40  74.40 74.40  74.00 74.00  76.56 76.40  77.72 77.34
        77.04 77.80  72.28 72.28  74.88 72.28  78.36 75.40
        84.88 84.72  81.68 81.68  84.96 84.96  85.16 85.16  85.04 85.04
        78.00 76.44  77.04 70.92  80.44 77.44  85.36 85.36
    """,
}
"""Two lines for each of _BACKBONES_3. Columns: best and last for each of _METHODS_3."""

_TABLE_5 = """
    81.20 60.77  70.02 70.02  81.70 79.46  84.58 84.58  84.87 84.87
    84.37 53.08  42.71 42.71  80.22 49.78  87.02 85.90
    41.24 41.24  36.48 36.48  41.01 41.01  80.68 80.13  75.83 75.83
    63.30 38.59  71.93 71.70  68.16 48.27  81.17 81.17
"""
"""ViT-L/16, then CLIP-ViT-L/14, two lines each, columns as _METHODS_3; symmetric 0.9. The paper
prints 8022 for the best of ELR by FFT."""

MINUTES: Mapping[str, float] = {
    "ce": 108.6,
    "gce": 110.7,
    "elr": 118.9,
    "elr-plus": 248.8,
    "dividemix": 574.1,
    "unicon": 675.6,
}
"""Table 1: training time on CIFAR-100 with symmetric noise of 0.6, from scratch."""

COMPONENTS: Mapping[str, Mapping[str, float]] = {
    "vit-b16": {"no-probe": 45.51, "none": 45.90, "once": 83.00, "every": 83.33},
    "clip-b16": {"no-probe": 30.07, "none": 47.47, "once": 60.80, "every": 72.17},
}
"""Table 4: last accuracy at symmetric 0.9, without a linear probe, or by how often is cleansed."""


class Cleansed(NamedTuple):
    """A column of Table 9: ViT-B/16 on CIFAR-100."""

    num_samples: int
    purity: float
    """Percent."""
    accuracy: Pair


THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.9)

TABLE_9: Mapping[tuple[str, float], Cleansed] = {
    ("symmetric-0.9", 0.3): Cleansed(3500, 78.02, Pair(82.49, 80.12)),
    ("symmetric-0.9", 0.5): Cleansed(3600, 80.41, Pair(82.60, 82.21)),
    ("symmetric-0.9", 0.6): Cleansed(3600, 83.47, Pair(84.22, 82.86)),
    ("symmetric-0.9", 0.7): Cleansed(3600, 84.33, Pair(84.93, 83.99)),
    ("symmetric-0.9", 0.9): Cleansed(3600, 88.63, Pair(85.25, 85.25)),
    ("symmetric-0.6", 0.3): Cleansed(16700, 98.85, Pair(90.70, 90.70)),
    ("symmetric-0.6", 0.5): Cleansed(16500, 99.00, Pair(90.65, 90.65)),
    ("symmetric-0.6", 0.6): Cleansed(16300, 98.98, Pair(90.52, 90.91)),
    ("symmetric-0.6", 0.7): Cleansed(16100, 99.16, Pair(90.63, 90.86)),
    ("symmetric-0.6", 0.9): Cleansed(15200, 99.26, Pair(90.68, 90.68)),
}
"""By noise and threshold. At 0.6 it differs a little from Table 2, which is the same setting."""


def accuracies() -> dict[Key, Pair]:
    """Return the accuracies of Tables 2, 3 and 5, by backbone, noise and method."""
    found: dict[Key, Pair] = {}
    for backbone, text in _TABLE_2.items():
        for method, row in zip(METHODS, _rows(text, 8), strict=True):
            found |= {(backbone, n, method): p for n, p in zip(NOISES, row, strict=True)}
    for noise, text in _TABLE_3.items():
        for backbone, row in zip(_BACKBONES_3, _rows(text, 18), strict=True):
            found |= {(backbone, noise, m): p for m, p in zip(_METHODS_3, row, strict=True)}
    for backbone, row in zip(("vit-l16", "clip-l14"), _rows(_TABLE_5, 18), strict=True):
        found |= {(backbone, "symmetric-0.9", m): p for m, p in zip(_METHODS_3, row, strict=True)}
    return found


def _rows(text: str, width: int) -> list[Sequence[Pair]]:
    """Return the pairs of a table, `width` numbers to a row."""
    numbers = [float(word) for word in text.split()]
    rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
    return [[Pair(*row[at : at + 2]) for at in range(0, width, 2)] for row in rows]
