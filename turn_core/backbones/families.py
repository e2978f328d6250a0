"""The model families that load: how each is pooled, how wide it is, what its classes are called.

A table of plain texts: nothing of transformers is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """One `model_type` of transformers."""

    body: str
    """Class of the network without head."""
    classifier: str | None
    """Class of the network with head that `AutoModelForImageClassification` opens; None: the head
    is stored beside the body, because transformers has no class that pools as we do."""
    prefix: str
    """Attribute of the body in `classifier`."""
    pooling: Literal["cls", "pooler", "cls_and_mean"]
    """CLS token of the last states; the model's own pooler; CLS beside the mean of the patches."""
    preset: str
    """Key of the training preset of the registry's backbones of this family."""
    is_convolutional: bool = False
    """Whether channels_last pays."""

    def feature_dim(self, config: Mapping[str, Any]) -> int:
        """D, read from a config.json (transformers' defaults where a value is left out)."""
        return _WIDTH[self.body](config)


def _transformer_width(config: Mapping[str, Any]) -> int:
    return int(config.get("hidden_size", 768))


def _last_stage_width(default: int) -> Callable[[Mapping[str, Any]], int]:
    return lambda config: int((config.get("hidden_sizes") or [default])[-1])


def _swin_width(config: Mapping[str, Any]) -> int:
    depths = config.get("depths", [2, 2, 6, 2])
    return int(config.get("embed_dim", 96) * 2 ** (len(depths) - 1))


_WIDTH: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "ViTModel": _transformer_width,
    "DeiTModel": _transformer_width,
    "ViTMSNModel": _transformer_width,
    "ViTMAEModel": _transformer_width,
    "CLIPVisionModel": _transformer_width,
    "Dinov2Model": lambda config: 2 * _transformer_width(config),
    "ConvNextModel": _last_stage_width(768),
    "ConvNextV2Model": _last_stage_width(768),
    "ResNetModel": _last_stage_width(2048),
    "SwinModel": _swin_width,
}

_CLIP = Family(
    body="CLIPVisionModel", classifier=None, prefix="", pooling="pooler", preset="clip"
)  # transformers' classifier averages the patches, which CLIP was not trained to use

FAMILIES: dict[str, Family] = {
    "vit": Family(
        body="ViTModel",
        classifier="ViTForImageClassification",
        prefix="vit",
        pooling="cls",
        preset="vit",
    ),
    "deit": Family(
        body="DeiTModel",
        classifier="DeiTForImageClassification",
        prefix="deit",
        pooling="cls",
        preset="vit",
    ),
    "vit_mae": Family(
        body="ViTMAEModel",
        classifier="ViTForImageClassification",
        prefix="vit",
        pooling="cls",
        preset="mae",
    ),
    "vit_msn": Family(
        body="ViTMSNModel",
        classifier="ViTMSNForImageClassification",
        prefix="vit",
        pooling="cls",
        preset="msn",
    ),
    "dinov2": Family(
        body="Dinov2Model",
        classifier="Dinov2ForImageClassification",
        prefix="dinov2",
        pooling="cls_and_mean",
        preset="local",
    ),
    "swin": Family(
        body="SwinModel",
        classifier="SwinForImageClassification",
        prefix="swin",
        pooling="pooler",
        preset="local",
    ),
    "convnext": Family(
        body="ConvNextModel",
        classifier="ConvNextForImageClassification",
        prefix="convnext",
        pooling="pooler",
        preset="convnext",
        is_convolutional=True,
    ),
    "convnextv2": Family(
        body="ConvNextV2Model",
        classifier="ConvNextV2ForImageClassification",
        prefix="convnextv2",
        pooling="pooler",
        preset="convnext",
        is_convolutional=True,
    ),
    "resnet": Family(
        body="ResNetModel",
        classifier="ResNetForImageClassification",
        prefix="resnet",
        pooling="pooler",
        preset="resnet",
        is_convolutional=True,
    ),
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
}
"""By `model_type` of config.json."""
