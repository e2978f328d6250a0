import pytest

from turn_core.compare_config import CompareConfig
from turn_core.config import from_dict
from turn_core.errors import DataError
from turn_core.services import comparisons, jobs, studies
from turn_core.types import JobKind
from turn_core.types.comparing import COMPARISON, Cell

CELL = Cell(
    method="gce",
    seed=0,
    curve=(0.5, 0.75),
    outside_accuracy=0.25,
    seconds=1.5,
    measures={"sve_before": 2.0, "lsvr_after": float("inf")},
    notes=("it rained",),
    ready_at=10.0,
)


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=36)


def start(workspace, project_id, **config):
    return comparisons.start_comparison(workspace, project_id, CompareConfig(**config), actor="ann")


def test_a_comparison_is_named_by_its_backbone_and_methods(workspace, project_id):
    started = start(workspace, project_id, methods=("gce", "gce-fft", "turn"))
    assert started.name == "turn-mini: GCE, TURN"
    assert from_dict(CompareConfig, started.config).methods == ("gce", "gce-fft", "turn")
    assert comparisons.splits(workspace, project_id) == {}


def test_cells_appear_as_they_are_ready_and_are_replaced(workspace, project_id):
    started = start(workspace, project_id)
    claimed = jobs.claim(workspace, "w", [JobKind.COMPARE])
    failed = Cell(method="ce", seed=1, ready_at=11.0, error="it diverged")
    for cell in (CELL, failed, CELL):
        studies.save_part(workspace, started, cell, fence=claimed.fence)
    summary = {"num_held_out": 7, "labels": {"given": 7}}
    studies.save_summary(workspace, started, summary, fence=claimed.fence)
    (found,) = studies.list_studies(workspace, COMPARISON, project_id)
    gce, ce = found.parts
    assert (gce.curve, gce.best_accuracy, gce.notes) == ((0.5, 0.75), 0.75, ("it rained",))
    assert gce.measures == {"sve_before": 2.0}  # not a number is left out
    assert (ce.error, ce.curve) == ("it diverged", ())
    rows = comparisons.summarize(found)
    assert [row.method for row in rows] == ["gce", "turn", "ce", "elr"]
    assert "7 held-out samples" in comparisons.sentences(found)[0]


def test_too_few_samples_are_told(workspace, make_project):
    few = make_project("few", given=[0] * 10 + [1] * 9)
    with pytest.raises(DataError, match=r"two classes .* 1 have so many"):
        start(workspace, few)
    assert jobs.list_jobs(workspace) == []
