"""What the maps component needs of explorations: which panels, where, in which words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.format import number, percent, shorten
from app.views.progress import ACTIVE
from turn_core.types import ClassInfo
from turn_core.types.distortion import METRICS
from turn_core.types.exploring import Exploration, Panel, PanelMethod

METHOD_TEXT: dict[PanelMethod, str] = {
    PanelMethod.BEFORE: "Before",
    PanelMethod.FFT: "Fine-tuned",
    PanelMethod.TURN: "TURN",
    PanelMethod.PROBE: "Linear probe",
}
ON_PANEL: dict[str, str] = {"separability": "Separable", "knn_accuracy": "15-NN", "cka": "CKA"}
"""The figures beside a map, by their short names; the page below shows all."""
TURN_TEXT = (
    "TURN fine-tunes on the same noised labels, but only on those that its first step takes for "
    "clean."
)


def backbone_title(name: str) -> str:
    """Return a backbone's name as it is shown: the last part of a path."""
    return shorten(name.rstrip("/").rsplit("/", 1)[-1], 40)


def panel_title(method: PanelMethod, level: float | None) -> str:
    """Return what a map is called: `Fine-tuned · 90 % noise`."""
    named = METHOD_TEXT[method]
    return named if level is None else f"{named} · {100 * level:.4g} % noise"


def data(
    explorations: Sequence[Exploration],
    classes: Sequence[ClassInfo],
    *,
    api: str,
    tags: Sequence[str],
    label_rev: int,
    run_id: int | None,
) -> dict[str, Any]:
    """Return the component's data for one exploration, or for two to compare.

    `label_rev` and `run_id` are those of the labels and scores: the browser fetches them again
    when one changes. Without a run nothing can be sent to review.
    """
    version = f"{label_rev}-{run_id or 0}"
    ids = "-".join(str(exploration.study_id) for exploration in explorations)
    return {
        "key": f"{api}:{ids}",
        "api": api,
        "classes": [[info.index, info.name] for info in sorted(classes, key=lambda c: c.index)],
        "tags": list(tags),
        "canReview": run_id is not None,
        "views": [_view(exploration, version) for exploration in explorations],
    }


def _view(exploration: Exploration, version: str) -> dict[str, Any]:
    config = exploration.config
    backbones = [str(name) for name in _listed(config.get("backbones"))]
    levels = sorted(float(level) for level in _listed(config.get("levels")))
    with_turn = bool(config.get("with_turn"))
    return {
        "id": exploration.study_id,
        "title": exploration.name,
        "version": version,
        "active": exploration.state in ACTIVE,
        "note": _note(exploration),
        "methods": ["fft", "turn"] if with_turn else ["fft"],
        "backbones": [{"name": name, "title": backbone_title(name)} for name in backbones],
        "slots": _slots(levels, with_turn=with_turn),
        "panels": [_panel(panel) for panel in exploration.parts if panel.projections],
    }


def _slots(levels: Sequence[float], *, with_turn: bool) -> list[dict[str, Any]]:
    """Return the places of a backbone's maps: one level above `before`, the others below it."""
    above = len(levels) > 1
    rows = [
        (level, index if index == 0 and above else index + 1) for index, level in enumerate(levels)
    ]
    slots = [_slot(PanelMethod.BEFORE, None, row=1 if above else 0, column=0)]
    slots += [_slot(PanelMethod.FFT, level, row=row, column=0) for level, row in rows]
    if with_turn:
        slots += [_slot(PanelMethod.TURN, level, row=row, column=1) for level, row in rows]
        slots.append({"text": TURN_TEXT, "row": 1 if above else 0, "column": 1})
    return slots


def _slot(method: PanelMethod, level: float | None, *, row: int, column: int) -> dict[str, Any]:
    title = panel_title(method, level)
    return {"method": method.value, "level": level, "row": row, "column": column, "title": title}


def _panel(panel: Panel) -> dict[str, Any]:
    title = panel_title(panel.method, panel.noise_level)
    backbone = backbone_title(panel.backbone)
    level = "" if panel.noise_level is None else f"_{100 * panel.noise_level:.4g}"
    return {
        "index": panel.idx,
        "backbone": panel.backbone,
        "method": panel.method.value,
        "level": panel.noise_level,
        "title": title,
        "spoken": f"{backbone}, {title}",
        "slug": re.sub(r"[^A-Za-z0-9.]+", "-", backbone) + f"_{panel.method.value}{level}",
        "maps": [name for name in panel.projections if name != "purity"],
        "facts": _facts(panel.metrics),
        "version": f"{round(panel.ready_at * 1000)}",
    }


def _facts(metrics: Mapping[str, float]) -> list[list[str]]:
    return [
        [short, number(metrics[name], 2), f"{METRICS[name].label}. {METRICS[name].explanation}"]
        for name, short in ON_PANEL.items()
        if name in metrics
    ]


def _note(exploration: Exploration) -> str:
    """Say which samples the points are."""
    summary = exploration.summary
    shown, available = summary.get("num_points"), summary.get("num_available")
    if not isinstance(shown, int):
        return ""
    told = f"{shown:,} held-out images, none of them trained on"
    if isinstance(available, int) and available > shown:
        told += (
            f", drawn evenly from the classes ({percent(shown / available, 0)} of {available:,})"
        )
    return f"{told}. Distances between far clusters mean little on t-SNE and UMAP maps."


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
