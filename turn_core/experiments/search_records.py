"""Trials of a search as plain values: in a file that a killed search goes on from, and as columns.

A line per trial is appended as it ends. A line that a kill cut off is passed over: that setting is
tried again.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from turn_core.config import ProbeConfig, from_dict, to_dict
from turn_core.experiments.search import Trial

SETTINGS = ("optimizer", "learning_rate", "weight_decay", "batch_size")
"""The settings of a probe that a search varies."""
FIGURES = ("accuracy", "loss", "seconds", "problem")


class TrialFile:
    """The trials that have ended, in the order in which they did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> list[Trial]:
        """Return the trials that the file holds whole, each once."""
        if not self.path.exists():
            return []
        found = {trial.index: trial for trial in self._read()}
        return list(found.values())

    def add(self, trial: Trial) -> None:
        """Append a trial; the line begins with its own break, as the last may have been cut off."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(to_dict(trial))}")

    def _read(self) -> Iterator[Trial]:
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                values = json.loads(line)
            except json.JSONDecodeError:
                continue
            yield Trial(**{**values, "config": from_dict(ProbeConfig, values["config"])})


def columns(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Return the varied settings and the figures of all trials, a list each."""
    found = {name: [getattr(trial.config, name) for trial in trials] for name in SETTINGS}
    return found | {name: [getattr(trial, name) for trial in trials] for name in FIGURES}
