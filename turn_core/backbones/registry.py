"""Which backbones there are: one frozen entry each, and what a local folder says about itself.

Imports neither torch nor transformers: the web process reads this. `loading.py` does the loading.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from turn_core.backbones.families import FAMILIES
from turn_core.errors import BackboneError

Pooling = Literal["cls", "pooler", "cls_and_mean"]
Interpolation = Literal["bilinear", "bicubic"]
Triple = tuple[float, float, float]

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF: tuple[Triple, Triple] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP: tuple[Triple, Triple] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
TURN_MINI_FOLDER = Path(__file__).with_name("turn_mini")
DEFAULT_BACKBONE = "turn-mini"

_REVISION = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneSpec:
    """Everything about a backbone that can be known without loading it."""

    name: str
    """What people and configs write."""
    title: str
    """What the app shows."""
    family: str
    """`model_type` of its Hugging Face config."""
    hub_id: str | None = None
    """Repository on the hub; None where the weights are a local folder."""
    revision: str | None = None
    """40-hex commit of the hub repository. None: not known to us; the first download takes the
    repository's main branch and the run records its commit, or a person pins it: `name@commit`."""
    folder: Path | None = None
    """Local folder of the weights."""
    input_px: int
    """Side of the square input."""
    resize_px: int | None = None
    """Scale the shorter side to this, then take the centre; None stretches both to `input_px`."""
    interpolation: Interpolation = "bicubic"
    """Resampling filter of the resize."""
    mean: Triple = IMAGENET[0]
    """Per channel, on pixels in 0..1."""
    std: Triple = IMAGENET[1]
    """Per channel, on pixels in 0..1."""
    pooling: Pooling
    """How the last states become one vector."""
    feature_dim: int
    """D."""
    parameters: int | None = None
    """Number of weights, approximately, where known."""
    licence: str
    """Of the weights."""
    preset: str = "local"
    """Key of the training preset: Table 8 of the paper, turn-mini's own, or `local`."""
    note: str = ""
    """What else a person should know."""

    def pinned(self, revision: str) -> BackboneSpec:
        """The same backbone at another commit.

        Raises:
            BackboneError: not 40 hex digits, or the backbone does not come from the hub.
        """
        if self.hub_id is None or not _REVISION.fullmatch(revision):
            raise BackboneError(
                f"{self.name}@{revision} cannot be pinned; write the 40 hex digits of a commit "
                "after @, for a backbone of the hub"
            )
        return replace(self, revision=revision)


@dataclass(frozen=True, slots=True)
class BackboneStatus:
    """A registry entry and whether it can be used right now."""

    spec: BackboneSpec
    state: Literal["embedded", "cached", "download"]
    """Part of this package; in the hub's local cache; to be fetched on first use."""

    @property
    def is_here(self) -> bool:
        """Usable without any network."""
        return self.state != "download"


def _hub(name: str, title: str, hub_id: str, revision: str | None, **other: Any) -> BackboneSpec:
    family = FAMILIES[other["family"]]
    values = {"input_px": 224, "pooling": family.pooling, "preset": family.preset, **other}
    return BackboneSpec(name=name, title=title, hub_id=hub_id, revision=revision, **values)


_VIT = {"family": "vit", "mean": HALF[0], "std": HALF[1], "interpolation": "bilinear"}
_CLIP = {"family": "clip", "mean": CLIP[0], "std": CLIP[1], "resize_px": 224, "licence": "MIT"}
_APACHE = {"licence": "Apache-2.0"}
_UNPINNED = "No commit is pinned: we could not confirm one. Pin it as NAME@COMMIT."

_ENTRIES = (
    BackboneSpec(
        name=DEFAULT_BACKBONE,
        title="turn-mini (embedded)",
        family="convnext",
        folder=TURN_MINI_FOLDER,
        input_px=64,
        resize_px=64,
        pooling="pooler",
        feature_dim=256,
        parameters=3_554_352,
        licence="Apache-2.0; trained on Tiny-ImageNet (ImageNet terms: research)",
        preset="turn-mini",
        note="Made by python -m turn_core.backbones.pretrain; see its model card.",
    ),
    _hub(
        "vit-b16", "ViT-B/16", "google/vit-base-patch16-224",
        "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3",
        feature_dim=768, parameters=86_000_000, **_VIT, **_APACHE,
    ),
    _hub(
        "convnext-t", "ConvNeXt-T", "facebook/convnext-tiny-224", None,
        family="convnext", resize_px=256, feature_dim=768, parameters=28_000_000,
        note=_UNPINNED, **_APACHE,
    ),
    _hub(
        "mae-b", "ViT-MAE-B", "facebook/vit-mae-base",
        "25b184bea5538bf5c4c852c79d221195fdd2778d",
        family="vit_mae", interpolation="bilinear", feature_dim=768, parameters=86_000_000,
        **_APACHE,
    ),
    _hub(
        "msn-b", "ViT-MSN-B", "facebook/vit-msn-base", None,
        family="vit_msn", interpolation="bilinear", feature_dim=768, parameters=86_000_000,
        note=_UNPINNED, **_APACHE,
    ),
    _hub(
        "clip-b16", "CLIP-ViT-B/16", "openai/clip-vit-base-patch16",
        "57c216476eefef5ab752ec549e440a49ae4ae5f3",
        feature_dim=768, parameters=86_000_000, **_CLIP,
    ),
    _hub(
        "resnet-50", "ResNet-50", "microsoft/resnet-50",
        "34c2154c194f829b11125337b98c8f5f9965ff19",
        family="resnet", resize_px=256, feature_dim=2048, parameters=24_000_000, **_APACHE,
    ),
    _hub(
        "vit-l16", "ViT-L/16", "google/vit-large-patch16-224", None,
        feature_dim=1024, parameters=304_000_000, note=_UNPINNED, **_VIT, **_APACHE,
    ),
    _hub(
        "clip-l14", "CLIP-ViT-L/14", "openai/clip-vit-large-patch14",
        "32bd64288804d66eefd0ccbe215aa642df71cc41",
        feature_dim=1024, parameters=303_000_000, **_CLIP,
    ),
)  # fmt: skip

REGISTRY: dict[str, BackboneSpec] = {spec.name: spec for spec in _ENTRIES}


def find(name_or_path: str) -> BackboneSpec:
    """The entry of a name (`vit-b16`, `vit-b16@COMMIT`, a hub id) or of a local folder.

    Raises:
        BackboneError: neither a name nor a usable folder.
    """
    name, _, revision = name_or_path.partition("@")
    for spec in REGISTRY.values():
        if name.lower() in (spec.name, (spec.hub_id or spec.name).lower()):
            return spec.pinned(revision) if revision else spec
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return describe_folder(folder)
    raise BackboneError(
        f"there is no backbone {name_or_path!r} and no such folder; names are {', '.join(REGISTRY)}"
    )


def describe_folder(folder: Path) -> BackboneSpec:
    """What the config files of a Hugging Face folder say, nothing being loaded or run.

    Raises:
        BackboneError: no or unreadable config.json, code of its own (`auto_map`), an unknown
            family, or no safetensors weights.
    """
    config = read_config(folder)
    model_type = str(config.get("model_type"))
    family = FAMILIES[model_type]
    processor = _read_json(folder / "preprocessor_config.json")
    body = config.get("vision_config", config) if model_type == "clip" else config
    default = int(body.get("image_size") or 224)
    try:
        mean, std = (_triple(processor, f"image_{part}") for part in ("mean", "std"))
        size, shorter = _geometry(processor, default=default)
        width = family.feature_dim(body)
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise BackboneError(
            f"the config files of {folder} are not understood ({error}); mend sizes and means"
        ) from error
    return BackboneSpec(
        name=str(folder),
        title=folder.name,
        family=model_type,
        folder=folder,
        input_px=size,
        resize_px=shorter,
        interpolation="bicubic" if processor.get("resample", 3) == 3 else "bilinear",
        mean=mean or IMAGENET[0],
        std=std or IMAGENET[1],
        pooling=family.pooling,
        feature_dim=width,
        licence="as its owner states",
        note="" if processor else "No preprocessor_config.json: ImageNet's mean and std assumed.",
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a model folder, after the refusals that need no weights.

    Raises:
        BackboneError: see `describe_folder`.
    """
    config = _read_json(folder / "config.json")
    if not config:
        raise BackboneError(f"{folder} has no readable config.json; give a Hugging Face folder")
    if "auto_map" in config:
        raise BackboneError(
            f"{folder} brings code of its own (auto_map in config.json), which is never run; "
            "give a model of a built-in family"
        )
    if (found := config.get("model_type")) not in FAMILIES:
        raise BackboneError(
            f"{folder} is of family {found!r}; supported are {', '.join(sorted(FAMILIES))}"
        )
    if not any(folder.glob("*.safetensors")):
        raise BackboneError(
            f"{folder} has no .safetensors weights (pickled ones can run code and are refused); "
            "save the model again with save_pretrained"
        )
    return config


def available_backbones() -> list[BackboneStatus]:
    """Every entry with its state, the embedded one first; looks at the local disk only."""
    return [BackboneStatus(spec, _state(spec)) for spec in REGISTRY.values()]


def _state(spec: BackboneSpec) -> Literal["embedded", "cached", "download"]:
    if spec.hub_id is None:
        return "embedded"
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.hub_id, "model.safetensors", revision=spec.revision)
    return "cached" if isinstance(found, str) else "download"


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no file or no object in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _triple(processor: dict[str, Any], key: str) -> Triple | None:
    values = processor.get(key)
    if not isinstance(values, list) or len(values) != 3:
        return None
    first, second, third = (float(value) for value in values)
    return first, second, third


def _geometry(processor: dict[str, Any], *, default: int) -> tuple[int, int | None]:
    """(input side, shorter side before the centre crop or None) as the processor would do it."""
    size = processor.get("size", default)
    sides = size if isinstance(size, dict) else {"height": int(size)}
    side = int(sides.get("shortest_edge") or sides.get("height") or default)
    kind = str(processor.get("image_processor_type") or processor.get("feature_extractor_type"))
    if kind.lower().startswith("convnext"):
        return side, int(side / processor.get("crop_pct", 224 / 256)) if side < 384 else None
    crop = processor.get("crop_size", side) if processor.get("do_center_crop") else side
    cropped = int(crop.get("height", side) if isinstance(crop, dict) else crop)
    return cropped, side if "shortest_edge" in sides or cropped != side else None
