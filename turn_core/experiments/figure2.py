"""The TURN paper's Figure 2: maps of held-out images before and after fine-tuning on noisy labels.

Ten random classes of CIFAR-100, or of any labelled images; full fine-tuning by cross entropy at a
low and a high level of symmetric noise; the features of test images, before and after.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turn_core import __version__
from turn_core.backbones.loading import Backbone
from turn_core.config import IngestLimits, to_dict
from turn_core.durable import atomic_write
from turn_core.experiments import figure2_data
from turn_core.experiments.explore import ExploreInputs, run_exploration
from turn_core.experiments.explore_figures import write_figures
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.explore_plan import panel_plan, stage_names
from turn_core.experiments.explore_tables import write_tables
from turn_core.experiments.figure2_data import Chosen, Images
from turn_core.experiments.figure_style import ThemeName
from turn_core.explore_config import ExploreConfig
from turn_core.methods.progress import OnEvent, StageProgress

READ = "Read the images"
REPORT = "figure2.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure2Request:
    """What to draw, and where the result goes."""

    data: Path
    """CIFAR-100 as a folder of Parquet files, or any other source that can be imported."""
    out: Path
    config: ExploreConfig
    theme: ThemeName = "light"
    limits: IngestLimits = field(default_factory=IngestLimits)


def stages(config: ExploreConfig) -> list[str]:
    """Return the stages that `draw` tells of, in order."""
    return [READ, *stage_names(config)]


def draw(
    request: Figure2Request,
    *,
    load: Callable[[str], Backbone] | None = None,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Compute what is missing, write figures and tables into `request.out`, return the report.

    Panels are kept in `out/work`: the same request goes on where it was stopped, and only draws
    where all panels are there. `load` gives a backbone by its name; None loads it as the config
    says.

    Raises:
        BackboneError: a backbone is unknown or cannot be reached.
        DataError: fewer than two classes have enough samples.
        IngestError: the data are missing or cannot be read.
        JobError: training diverged.
        ResourceError: disk or GPU are missing.
    """

    def counted(done: int) -> None:
        check()
        on_event(StageProgress(READ, done, 0))

    work, config, limits = request.out / "work" / _key(request), request.config, request.limits
    plan = figure2_data.plan_of(request.data, limits)
    chosen = figure2_data.choose(plan, config, work, limits, counted)
    folder = PanelFolder(work / "panels")
    if not (work / "done").exists():
        inputs = ExploreInputs(
            selection=chosen.selection,
            open_pixels=Images(plan, chosen, work / "images", limits, counted),
            folder=folder.folder,
            work=work / "training",
            load=load,
        )
        run_exploration(inputs, config, on_event=on_event, check=check)
        atomic_write(work / "done", b"")
    for needless in ("training", "images"):
        shutil.rmtree(work / needless, ignore_errors=True)
    return _written(request, folder, chosen)


def _key(request: Figure2Request) -> str:
    """Name of a request by all that its panels depend on."""
    settings = to_dict(request.config) | {"data": str(request.data.absolute())}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _written(request: Figure2Request, folder: PanelFolder, chosen: Chosen) -> dict[str, Any]:
    selection = chosen.selection
    files = write_tables(
        folder, selection, class_names=chosen.class_names, file_names=chosen.file_names
    )
    files += write_figures(
        folder,
        selection.best[selection.points],
        class_names=chosen.shown_classes,
        what=f"images of {request.data.name}",
        theme=request.theme,
    )
    request.out.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder.folder / name).replace(request.out / name)
    report = {
        "turn_audit": __version__,
        "config": to_dict(request.config),
        "classes": chosen.shown_classes,
        "summary": selection.summary(),
        "panels": [to_dict(panel) for panel in folder.all()],
        "num_panels": len(panel_plan(request.config)),
        "files": files,
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    atomic_write(request.out / REPORT, f"{text}\n".encode())
    return report
