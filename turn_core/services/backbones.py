"""Which backbones a run can use here, and the preset of each. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from turn_core.backbones import registry
from turn_core.config import TurnConfig
from turn_core.errors import BackboneError
from turn_core.presets import preset_for
from turn_core.services.workspace import Workspace

DEFAULT = registry.DEFAULT_BACKBONE
MAX_FOLDERS = 500
"""Folders looked at below each data root; a model lies at most two levels deep."""


@dataclass(frozen=True, slots=True)
class BackboneChoice:
    """A backbone as the form offers it; `name` goes into the config, `availability` is a phrase."""

    name: str
    title: str
    is_here: bool
    usable: bool
    availability: str
    parameters: int | None
    input_px: int
    licence: str
    note: str


def choices(workspace: Workspace) -> list[BackboneChoice]:
    """Return what is registered, the embedded one first, and model folders below the data roots.

    Looks at the local disk only.
    """
    hub = workspace.settings.allow_hub
    known = [_choice(status, hub=hub) for status in registry.available_backbones()]
    return known + [_local(spec) for spec in _folders(workspace.settings.data_roots)]


def default_config(backbone: str, *, seed: int = 0) -> TurnConfig:
    """Return the preset of a registered backbone, or of the local folder at that path.

    Raises:
        BackboneError: it is unknown, or the folder holds no usable model.
    """
    spec = registry.find(backbone)
    return preset_for(spec.preset, backbone=backbone, seed=seed)


def _folders(roots: tuple[Path, ...]) -> Iterator[registry.BackboneSpec]:
    for root in roots:
        near = islice((path for path in root.glob("*") if path.is_dir()), MAX_FOLDERS)
        for folder in sorted(near):
            below = islice((path for path in folder.glob("*") if path.is_dir()), MAX_FOLDERS)
            for candidate in [folder, *sorted(below)]:
                if (candidate / "config.json").is_file():
                    try:
                        yield registry.describe_folder(candidate)
                    except BackboneError:
                        continue  # another kind of model: not offered


def _choice(status: registry.BackboneStatus, *, hub: bool) -> BackboneChoice:
    if status.state == "embedded":
        text = "Part of this installation"
    elif status.is_here:
        text = "Downloaded"
    else:
        text = "Downloaded on first use" if hub else "Not here, and the hub is switched off"
    return _described(status.spec, text, is_here=status.is_here, usable=status.is_here or hub)


def _local(spec: registry.BackboneSpec) -> BackboneChoice:
    return _described(spec, "A folder on this server", is_here=True, usable=True)


def _described(
    spec: registry.BackboneSpec, availability: str, *, is_here: bool, usable: bool
) -> BackboneChoice:
    return BackboneChoice(
        name=spec.name,
        title=spec.title,
        is_here=is_here,
        usable=usable,
        availability=availability,
        parameters=spec.parameters,
        input_px=spec.input_px,
        licence=spec.licence,
        note=spec.note,
    )
