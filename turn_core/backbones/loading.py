"""From a registry name or folder to a network that gives features.

B samples, D features; pixels are (B, 3, P, P) float, normalised. Weights come from safetensors
only, no code of a repository is run, and a checkpoint that lacks weights is refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn

from turn_core.backbones.depthwise import speed_up_depthwise
from turn_core.backbones.families import FAMILIES
from turn_core.backbones.hub import fetch
from turn_core.backbones.registry import BackboneSpec, find, read_config
from turn_core.errors import BackboneError


class Backbone(nn.Module):
    """A pre-trained network without head; its entry is `spec`."""

    def __init__(self, spec: BackboneSpec, body: nn.Module, feature_dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.feature_dim = feature_dim
        self.body = body
        self._is_convolutional = FAMILIES[spec.family].is_convolutional

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, P, P) -> features (B, D), float32 under autocast too."""
        if self._is_convolutional:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        out = self.body(pixel_values=pixels)
        if self.spec.pooling == "pooler":
            pooled: Tensor = out.pooler_output
            return pooled.flatten(1).float()
        states: Tensor = out.last_hidden_state.float()
        if self.spec.pooling == "cls":
            return states[:, 0]
        return torch.cat([states[:, 0], states[:, 1:].mean(dim=1)], dim=1)

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 (B, 3, H, W) -> float32 with the backbone's mean and deviation, same device."""
        mean = torch.tensor(self.spec.mean, device=images.device).view(3, 1, 1)
        std = torch.tensor(self.spec.std, device=images.device).view(3, 1, 1)
        return images.float().div_(255).sub_(mean).div_(std)


def load_backbone(name_or_path: str, *, allow_hub: bool) -> Backbone:
    """Load a registry name (`vit-b16`, `vit-b16@COMMIT`) or a local Hugging Face folder, on CPU.

    Without `allow_hub` only what is on this disk is used (the embedded backbone, folders, and the
    hub's local cache). `spec.folder` and `spec.revision` of the result say what was loaded.

    Raises:
        BackboneError: unknown, not reachable, or refused; one sentence with the way out.
    """
    spec = find(name_or_path)
    if spec.hub_id is not None:
        folder, revision = fetch(spec, allow_hub=allow_hub)
        spec = replace(spec, folder=folder, revision=revision)
    if spec.folder is None:
        raise BackboneError(f"{spec.name} names neither a folder nor a repository of the hub")
    config = read_config(spec.folder)
    if config["model_type"] != spec.family and FAMILIES[config["model_type"]].body != _body(spec):
        raise BackboneError(
            f"{spec.name} should be of family {spec.family}, but {spec.folder} holds "
            f"{config['model_type']}; remove the folder and fetch it again"
        )
    return wrap(spec, load_body(_body(spec), spec.folder))


def wrap(spec: BackboneSpec, body: Any) -> Backbone:
    """A loaded body as a `Backbone`: MAE without masking, fast layouts, D from the real config."""
    if spec.family == "vit_mae" and isinstance(body, transformers.ViTMAEModel):
        body = unmasked(body)
    if FAMILIES[spec.family].is_convolutional:
        body = body.to(memory_format=torch.channels_last)
        speed_up_depthwise(body)
    width = FAMILIES[spec.family].feature_dim(body.config.to_dict())
    return Backbone(replace(spec, feature_dim=width), body.eval(), width)


def load_body(class_name: str, folder: Path, **options: Any) -> Any:
    """Weights of `folder` as the transformers class `class_name`, in float32.

    Raises:
        BackboneError: weights are damaged, missing or of another shape.
    """
    kind = getattr(transformers, class_name)
    if class_name in ("ViTModel", "DeiTModel"):
        options["add_pooling_layer"] = False  # an untrained layer that we do not read
    try:
        with quiet():
            body, report = kind.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                dtype=torch.float32,
                **options,
            )
    except (OSError, RuntimeError, ValueError, TypeError, SafetensorError) as error:
        cause = str(error).strip().split("\n")[0][:200]
        raise BackboneError(
            f"the weights in {folder} could not be read ({cause}); save or fetch them again"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise BackboneError(
            f"{folder} lacks {len(missing)} weights of {class_name} (first: {missing[0]}); "
            "give a complete checkpoint of one model"
        )
    return body


def unmasked(mae: Any) -> Any:
    """The encoder of a masked autoencoder as the plain ViT that it is: every patch, in order.

    ViTMAE drops and shuffles patches even at mask ratio 0; the weights have the same names.
    """
    config = mae.config
    names = transformers.ViTConfig().to_dict()
    fields = {name: getattr(config, name) for name in names if hasattr(config, name)}
    fields.pop("model_type", None)
    with torch.device("meta"):
        vit = transformers.ViTModel(transformers.ViTConfig(**fields), add_pooling_layer=False)
    vit.load_state_dict(mae.state_dict(), assign=True)
    vit.embeddings.position_embeddings.requires_grad_(False)  # fixed sines in MAE
    return vit


def _body(spec: BackboneSpec) -> str:
    return FAMILIES[spec.family].body


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and load reports on a worker's stderr."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
