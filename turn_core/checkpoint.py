"""Checkpoints that survive a kill at any moment: whole or not there, verified when read.

A checkpoint is a folder `NNNNNN` (or `NNNNNN-anchor`) of safetensors files and a `manifest.json`
that is written last and holds the state and the sha256 of every file. It is made under a temporary
name, forced to the disk, then renamed. Nothing is pickled.
"""

import errno
import hashlib
import json
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from turn_core.durable import publish, require_free, sync_file, sync_folder, write_json
from turn_core.errors import ResourceError

KEEP = 2
"""This many newest checkpoints stay; the newest anchor stays besides."""

Groups = Mapping[str, Mapping[str, Tensor]]
"""File stem to named tensors."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was saved, read back on the CPU. `name` is the folder's."""

    name: str
    state: dict[str, Any]
    groups: dict[str, dict[str, Tensor]]


class CheckpointFolder:
    """The checkpoints of one run, newest last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        """Names of checkpoints that were passed over because a file did not match its hash."""
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("*.tmp"):
            shutil.rmtree(leftover)

    def save(self, state: Mapping[str, Any], groups: Groups, *, anchor: bool = False) -> None:
        """Write one more checkpoint and remove those no longer needed.

        An anchor is a state to go back to (the start of an epoch): the newest one is kept.

        Raises:
            ResourceError: the disk is full; every earlier checkpoint is still whole.
        """
        size = sum(t.numel() * t.element_size() for g in groups.values() for t in g.values())
        require_free(self.folder, 2 * size, "a checkpoint")
        existing = self._names()
        number = int(existing[-1].split("-")[0]) + 1 if existing else 1
        path = self.folder / f"{number:06d}{'-anchor' if anchor else ''}"
        temporary = path.with_name(path.name + ".tmp")
        try:
            _write(temporary, state, groups)
            publish(temporary, path)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            _raise_if_full(error, self.folder)
            raise
        self._prune()

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint whose files match their hashes, or None."""
        return self._first(reversed(self._names()))

    def newest_anchor(self) -> Checkpoint | None:
        """Return the newest whole anchor, or None."""
        return self._first(name for name in reversed(self._names()) if name.endswith("-anchor"))

    def clear(self) -> None:
        """Remove all checkpoints: the run is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _first(self, names: Iterator[str]) -> Checkpoint | None:
        for name in names:
            checkpoint = _read(self.folder / name)
            if checkpoint is not None:
                return checkpoint
            self.damaged.append(name)
        return None

    def _names(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir() if not p.name.endswith(".tmp"))

    def _prune(self) -> None:
        names = self._names()
        anchors = [name for name in names if name.endswith("-anchor")]
        for name in set(names) - set(names[-KEEP:]) - set(anchors[-1:]):
            doomed = self.folder / f"{name}.tmp"
            (self.folder / name).rename(doomed)
            shutil.rmtree(doomed)


def _write(folder: Path, state: Mapping[str, Any], groups: Groups) -> None:
    folder.mkdir()
    hashes = {}
    for stem, tensors in groups.items():
        path = folder / f"{stem}.safetensors"
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, path)
        sync_file(path)
        hashes[path.name] = _sha256(path)
    write_json(folder / "manifest.json", {"format": 1, "state": state, "files": hashes})
    sync_folder(folder)


def _read(folder: Path) -> Checkpoint | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = manifest["files"]
        if any(_sha256(folder / name) != expected for name, expected in files.items()):
            return None
        groups = {Path(name).stem: load_file(folder / name) for name in files}
        return Checkpoint(folder.name, manifest["state"], groups)
    except (OSError, ValueError, KeyError, SafetensorError, struct.error):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _raise_if_full(error: Exception, folder: Path) -> None:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left" in str(error):
        raise ResourceError(
            f"the disk of {folder} is full, so the run's checkpoint could not be saved; the one "
            "before it is whole: free some space and start again"
        ) from error


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the state of an optimiser to tensors named `<parameter number>.<state name>`.

    Learning rate and the other settings are not in it: they follow from the config.
    """
    return {
        f"{number}.{name}": value
        for number, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def unpack_optimizer(optimizer: torch.optim.Optimizer, packed: Mapping[str, Tensor]) -> None:
    """Put back what `pack_optimizer` took; memory layouts follow the parameters."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in packed.items():
        number, name = key.split(".")
        parameter = parameters[int(number)]
        if value.shape == parameter.shape and value.dim():
            value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
