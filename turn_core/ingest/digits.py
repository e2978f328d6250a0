"""scikit-learn's 1,797 handwritten digits with wrong labels put in: a set whose truth is known."""

import io
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from turn_core import noise, seeds
from turn_core.config import NoiseConfig
from turn_core.ingest.source import ItemBytes, SourceRef

NUM_DIGITS = 1797
IMAGE_PX = 64
_MARGIN_PX = 4
_WHITE = 16.0  # the data are 8 x 8 counts of ink, 0..16


def labels(source: SourceRef) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return given and true labels (1797,), 0..9; a share `noise_rate` of the given is wrong.

    Symmetric noise that never draws the true label, seeded by the source.
    """
    true = _load()[1]
    config = NoiseConfig(kind="symmetric_excluding", level=source.noise_rate)
    seed = seeds.derive(source.seed, "digits", "noise")
    return noise.apply_noise(true, 10, config, seed=seed).labels, true


def count_labels(source: SourceRef) -> Counter[str]:
    """Return how many digits have each given label."""
    return Counter(str(label) for label in labels(source)[0])


def read(source: SourceRef) -> Iterator[ItemBytes]:
    """Yield the digits as PNG, 64 x 64, with given and true labels."""
    given, true = labels(source)
    for number, values in enumerate(_load()[0]):
        yield ItemBytes(
            file_name=f"digit_{number:04d}.png",
            data=_png(values),
            raw_label=str(given[number]),
            true_label=str(true[number]),
        )


def _load() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn.datasets import load_digits  # heavy, and only the demo needs it

    digits = load_digits()
    return digits.images, digits.target.astype(np.int64)


def _png(values: NDArray[np.float64]) -> bytes:
    """Draw ink as white on black, smoothly enlarged: eight blocks a side are hard to read."""
    small = Image.fromarray(np.rint(values * (255 / _WHITE)).astype(np.uint8))
    inner = IMAGE_PX - 2 * _MARGIN_PX
    image = Image.new("L", (IMAGE_PX, IMAGE_PX))
    image.paste(small.resize((inner, inner), Image.Resampling.BICUBIC), (_MARGIN_PX, _MARGIN_PX))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
