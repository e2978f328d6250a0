"""Panels on the disk: whole or not there, so that a killed exploration goes on at the next one.

A panel is `panel-NNN.json` (its record) beside `panel-NNN.safetensors` (its maps, where it has
some). The record is written last, and again when another map is done.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core.durable import write_json
from turn_core.errors import DataError
from turn_core.store.arrays import array_names, load_array, save_arrays
from turn_core.types.exploring import Panel

Arrays = Mapping[str, NDArray[Any]]


class PanelFolder:
    """The panels of one exploration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arrays_path(self, idx: int) -> Path:
        """File of the maps of a panel; `store.files.Files.panel` names it so too."""
        return self.folder / f"panel-{idx:03d}.safetensors"

    def save(self, panel: Panel, arrays: Arrays) -> None:
        """Write a panel; what was there under its number is replaced.

        Raises:
            ResourceError: the disk is full; what was there stands.
        """
        if arrays:
            save_arrays(self.arrays_path(panel.idx), arrays)
        write_json(self._record_path(panel.idx), dataclasses.asdict(panel))

    def load(self, idx: int) -> Panel | None:
        """Return a panel that is whole, or None."""
        try:
            return Panel.from_plain(json.loads(self._record_path(idx).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self._record_path(idx)} is damaged: delete it and start the exploration again"
            ) from error

    def all(self) -> list[Panel]:
        """Return the panels that are whole, by number."""
        numbers = sorted(int(path.stem[6:]) for path in self.folder.glob("panel-[0-9]*.json"))
        return [panel for number in numbers if (panel := self.load(number)) is not None]

    def arrays(self, idx: int) -> dict[str, NDArray[Any]]:
        """Return the arrays of a panel by name, read into memory."""
        path = self.arrays_path(idx)
        return {name: np.array(load_array(path, name)) for name in array_names(path)}

    def _record_path(self, idx: int) -> Path:
        return self.folder / f"panel-{idx:03d}.json"
