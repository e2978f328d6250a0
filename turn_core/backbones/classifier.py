"""A backbone with a head, and its life as a Hugging Face folder.

B samples, D features, K classes. Where transformers has a class that computes the same logits, the
folder opens with `AutoModelForImageClassification`; else (CLIP) the body's own folder carries
`head.safetensors` beside it, and `load_classifier` opens both kinds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from turn_core.backbones.families import FAMILIES
from turn_core.backbones.loading import Backbone, load_body, quiet, wrap
from turn_core.backbones.registry import BackboneSpec, describe_folder, read_config
from turn_core.errors import BackboneError

_HEAD_FILE = "head.safetensors"
_RESAMPLE = {"bilinear": 2, "bicubic": 3}


class Classifier(nn.Module):
    """`head(backbone(pixels))`; the head is one linear layer D -> K."""

    def __init__(self, backbone: Backbone, head: nn.Linear) -> None:
        super().__init__()
        if head.in_features != backbone.feature_dim:
            raise BackboneError(
                f"the head takes {head.in_features} features, {backbone.spec.name} gives "
                f"{backbone.feature_dim}; fit the head on this backbone's features"
            )
        self.backbone = backbone
        self.head = head

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, P, P) -> logits (B, K), float32 under autocast too."""
        features = self.features(pixels)
        with torch.autocast(features.device.type, enabled=False):  # losses need all digits
            logits: Tensor = self.head(features)
        return logits

    def features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, P, P) -> features (B, D) float32."""
        found: Tensor = self.backbone(pixels)
        return found


def save_classifier(path: Path, classifier: Classifier, class_names: Sequence[str]) -> None:
    """Write config.json (with the class names), safetensors and preprocessor_config.json.

    The folder appears whole or not at all; one that is there is replaced.

    Raises:
        BackboneError: the number of names differs from the head's K.
    """
    if len(class_names) != classifier.head.out_features:
        raise BackboneError(
            f"the head has {classifier.head.out_features} classes, {len(class_names)} names came; "
            "give one name per class"
        )
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    names = dict(enumerate(class_names))
    spec = classifier.backbone.spec
    with quiet():
        if FAMILIES[spec.family].classifier is None:
            _save_with_head_file(partial, classifier, names)
        else:
            _as_transformers(classifier, names).save_pretrained(partial)
    processor = json.dumps(preprocessor_config(spec), indent=1) + "\n"
    (partial / "preprocessor_config.json").write_text(processor, encoding="utf-8")
    shutil.rmtree(path, ignore_errors=True)
    partial.replace(path)


def load_classifier(path: Path) -> tuple[Classifier, list[str]]:
    """Open a folder of `save_classifier` (or any image classifier of a known family).

    Returns the classifier in eval mode and its class names in order of the logits.

    Raises:
        BackboneError: refused as in `describe_folder`, or no head in it.
    """
    config = read_config(path)
    spec = describe_folder(path)
    names = [str(name) for _, name in sorted(_labels(config).items())]
    body, head = _open(path, spec)
    if head.out_features != len(names):
        raise BackboneError(
            f"{path} names {len(names)} classes, but its head has {head.out_features}; "
            "mend id2label in config.json"
        )
    return Classifier(wrap(spec, body), head).eval(), names


def preprocessor_config(spec: BackboneSpec) -> dict[str, Any]:
    """`preprocessor_config.json` that makes transformers prepare images as we do."""
    common = {
        "do_resize": True,
        "resample": _RESAMPLE[spec.interpolation],
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(spec.mean),
        "image_std": list(spec.std),
    }
    side = {"height": spec.input_px, "width": spec.input_px}
    if spec.resize_px is None:
        return {"image_processor_type": "ViTImageProcessor", "size": side, **common}
    return {
        "image_processor_type": "CLIPImageProcessor",  # shorter side, then the centre
        "size": {"shortest_edge": spec.resize_px},
        "do_center_crop": True,
        "crop_size": side,
        "do_convert_rgb": True,
        **common,
    }


def _as_transformers(classifier: Classifier, names: dict[int, str]) -> Any:
    """The ...ForImageClassification object that shares our weights."""
    family = FAMILIES[classifier.backbone.spec.family]
    body, head = classifier.backbone.body, classifier.head
    config = type(body.config)(**body.config.to_dict())  # type: ignore[operator, union-attr]
    _name_classes(config, names)
    with torch.device("meta"):
        model = getattr(transformers, str(family.classifier))(config)
    setattr(model, family.prefix, body)
    if isinstance(model.classifier, nn.Sequential):  # ResNet flattens first
        model.classifier[-1] = head
    else:
        model.classifier = head
    return model


def _save_with_head_file(folder: Path, classifier: Classifier, names: dict[int, str]) -> None:
    body: Any = classifier.backbone.body
    before = dict(body.config.id2label)
    _name_classes(body.config, names)
    try:
        body.save_pretrained(folder)
    finally:
        _name_classes(body.config, before)
    weights = {name: value.contiguous() for name, value in classifier.head.state_dict().items()}
    save_file(weights, folder / _HEAD_FILE)


def _name_classes(config: Any, names: dict[int, str]) -> None:
    config.id2label = dict(names)
    config.label2id = {name: index for index, name in names.items()}


def _labels(config: dict[str, Any]) -> dict[int, str]:
    try:
        return {int(index): str(name) for index, name in config.get("id2label", {}).items()}
    except (AttributeError, ValueError) as error:
        raise BackboneError("id2label of config.json must map numbers to names") from error


def _open(path: Path, spec: BackboneSpec) -> tuple[Any, nn.Linear]:
    family = FAMILIES[spec.family]
    if (path / _HEAD_FILE).exists():
        try:
            weights = load_file(path / _HEAD_FILE)
            return load_body(family.body, path), _linear(weights["weight"], weights["bias"])
        except (OSError, KeyError, SafetensorError) as error:
            raise BackboneError(
                f"{path / _HEAD_FILE} is damaged; export the model again"
            ) from error
    if family.classifier is None or spec.family == "vit_mae":
        raise BackboneError(f"{path} has no {_HEAD_FILE}; give a folder that was exported here")
    model = load_body(family.classifier, path)
    layers = [part for part in model.classifier.modules() if isinstance(part, nn.Linear)]
    if len(layers) != 1:
        raise BackboneError(f"{path} has a head of {len(layers)} linear layers; give one with one")
    return getattr(model, family.prefix), layers[0]


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.load_state_dict({"weight": weight, "bias": bias})
    return head
