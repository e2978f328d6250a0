"""A network small enough to train in a test, and coloured squares whose class can be learnt."""

import numpy as np
import torch
import transformers

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import wrap
from turn_core.backbones.registry import BackboneSpec

SIDE = 16


class ArrayPixels:
    """A PixelSource in memory."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.from_numpy(images)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        return self.images[torch.from_numpy(rows)]


def make_backbone(*, seed: int = 0, drop_path: float = 0.0, family: str = "convnext"):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family == "convnext":
            config = transformers.ConvNextConfig(
                num_stages=2,
                depths=[1, 1],
                hidden_sizes=[8, 16],
                drop_path_rate=drop_path,
                image_size=SIDE,
                layer_scale_init_value=0.0,
            )
            body, pooling, width = transformers.ConvNextModel(config), "pooler", 16
        else:
            config = transformers.ViTConfig(
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=32,
                image_size=SIDE,
                patch_size=4,
            )
            body, pooling, width = transformers.ViTModel(config, add_pooling_layer=False), "cls", 16
    spec = BackboneSpec(
        name="tiny",
        title="tiny",
        family=family,
        input_px=SIDE,
        resize_px=SIDE,
        pooling=pooling,
        feature_dim=width,
        licence="none",
    )
    return wrap(spec, body)


def make_classifier(num_classes: int = 3, **options) -> Classifier:
    backbone = make_backbone(**options)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Classifier(backbone, torch.nn.Linear(backbone.feature_dim, num_classes))


def coloured_squares(size: int, num_classes: int = 3, *, noise: float = 0.0, seed: int = 0):
    """(images (N, 3, S, S) uint8, given labels, true labels): a bright patch per class."""
    rng = np.random.default_rng(seed)
    true = np.arange(size) % num_classes
    images = rng.integers(0, 120, (size, 3, SIDE, SIDE)).astype(np.uint8)
    for row, label in enumerate(true):
        images[row, label % 3, 4:12, 4:12] += np.uint8(90)
    given = true.copy()
    wrong = rng.random(size) < noise
    given[wrong] = (true[wrong] + rng.integers(1, num_classes, wrong.sum())) % num_classes
    return images, given, true
