"""What an exploration computes, in order: the panels by number, and the stages that people see."""

from pathlib import Path
from typing import NamedTuple

from turn_core.explore_config import ExploreConfig
from turn_core.types.exploring import PanelMethod

READ, FEATURES, PROBES = "read images", "features before", "linear probes"
TRAINED = (PanelMethod.FFT, PanelMethod.TURN)


class Planned(NamedTuple):
    """A panel to be made."""

    idx: int
    backbone: str
    method: PanelMethod
    level: float | None


def panel_plan(config: ExploreConfig) -> list[Planned]:
    """Return every panel: for each backbone before, then probes, FFT and TURN by level."""
    methods = [PanelMethod.PROBE, PanelMethod.FFT]
    methods += [PanelMethod.TURN] if config.with_turn else []
    plan: list[tuple[str, PanelMethod, float | None]] = []
    for backbone in config.backbones:
        plan.append((backbone, PanelMethod.BEFORE, None))
        plan += [(backbone, method, level) for method in methods for level in config.levels]
    return [Planned(idx, *panel) for idx, panel in enumerate(plan)]


def stage_names(config: ExploreConfig) -> list[str]:
    """Return the stages of an exploration in order, as `on_event` names them."""
    stages: list[str] = []
    for panel in panel_plan(config):
        if panel.method is PanelMethod.BEFORE:
            names = [backbone_stage(panel.backbone, what) for what in (READ, FEATURES, PROBES)]
            stages += [*names[:2], maps_stage(panel), names[2]]
        elif panel.method in TRAINED:
            stages += [level_stage(panel), features_stage(panel), maps_stage(panel)]
    return stages


def backbone_stage(backbone: str, what: str) -> str:
    """Return the name of a stage of a backbone."""
    return f"{Path(backbone).name}: {what}"


def level_stage(panel: Planned) -> str:
    """Return the name of the training of a panel."""
    noise = f"{100 * (panel.level or 0):g} % noise"
    return f"{Path(panel.backbone).name}: {panel.method.upper()} at {noise}"


def features_stage(panel: Planned) -> str:
    """Return the name of the extraction after the training of a panel."""
    return f"{level_stage(panel)}, features"


def maps_stage(panel: Planned) -> str:
    """Return the name of the maps of a panel."""
    if panel.method is PanelMethod.BEFORE:
        return backbone_stage(panel.backbone, "maps before")
    return f"{level_stage(panel)}, maps"
