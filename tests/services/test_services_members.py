"""Roles hold in the services, whatever page or script calls them."""

import ast
from pathlib import Path

import pytest

from turn_core.config import TurnConfig
from turn_core.errors import ConflictError, DataError, NotFoundError, PermissionDeniedError
from turn_core.services import (
    audits,
    claims,
    exports,
    jobs,
    members,
    permissions,
    projects,
    queues,
    review,
    runs,
    samples,
    tags,
)
from turn_core.services.projects import NewProject, NewSample
from turn_core.types import Action, DecisionRequest, Outcome, ReviewSettings, SampleState
from turn_core.types.reviewing import Claimant, QueueFilter, Role

SERVICES = Path(__file__).parents[2] / "turn_core/services"
VIEWER, REVIEWER, OWNER = Role.VIEWER, Role.REVIEWER, Role.OWNER


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


@pytest.fixture
def run(project_id, make_run):
    return make_run(project_id)


@pytest.fixture
def people(workspace, run):
    """Olga owns, Rita reviews, Vic views; made after the run."""
    for name, role in (("olga", OWNER), ("rita", REVIEWER), ("vic", VIEWER)):
        members.set_member(workspace, name, role, actor="olga")


def keep(workspace, project_id):
    sample_id = int(samples.label_snapshot(workspace, project_id).sample_ids[0])
    return DecisionRequest(sample_id=sample_id, version=0, action=Action.KEEP, idem_key="k")


def deciding(workspace, project_id, run, name):
    """What a reviewer may do and a viewer may not."""
    request = keep(workspace, project_id)
    tag = {"actor": name}
    return {
        "record": lambda: review.record(workspace, project_id, [request], actor=name),
        "bulk": lambda: review.record_bulk(
            workspace, project_id, [request], actor=name, batch_key="b"
        ),
        "undo": lambda: review.undo(
            workspace, project_id, request.sample_id, idem_key="u", version=1, actor=name
        ),
        "claim": lambda: queues.next_candidates(
            workspace, project_id, run.run_id, claimant=Claimant(name)
        ),
        "class": lambda: projects.add_class(workspace, project_id, "emu", actor=name),
        "tag": lambda: tags.tag_samples(workspace, project_id, "odd", [request.sample_id], **tag),
        "export": lambda: exports.start_export(workspace, project_id, "csv", actor=name),
    }


def owning(workspace, project_id, run, name):
    """What only an owner may do."""
    rows = [NewSample("a.png", "0" * 64, 8, 8, SampleState.OK, "cat", 0)]
    return {
        "train": lambda: runs.start_run(
            workspace, project_id, TurnConfig(backbone="turn-mini"), actor=name
        ),
        "create": lambda: projects.create_project(
            workspace, NewProject("new", ("cat",)), rows, actor=name
        ),
        "settings": lambda: audits.set_settings(
            workspace, project_id, ReviewSettings(), actor=name
        ),
        "member": lambda: members.set_member(workspace, "eve", OWNER, actor=name),
        "cancel": lambda: jobs.cancel(workspace, run.job_id, actor=name),
        "delete": lambda: projects.delete_project(workspace, project_id, actor=name),
    }


def test_without_members_everybody_is_an_owner(workspace, project_id):
    assert permissions.role_of(workspace, "anybody", project_id) is OWNER
    assert review.record(workspace, project_id, [keep(workspace, project_id)], actor="anybody")


@pytest.mark.parametrize("name", ["vic", "stranger"])
def test_viewers_and_strangers_may_change_nothing(workspace, project_id, run, people, name):
    every = deciding(workspace, project_id, run, name) | owning(workspace, project_id, run, name)
    for act in every.values():
        with pytest.raises(PermissionDeniedError, match=f"'{name}' is (a viewer|no member)"):
            act()
    assert review.ledger(workspace, project_id) == []
    assert [p.project_id for p in projects.list_projects(workspace)] == [project_id]


def test_a_reviewer_may_decide_and_no_more(workspace, project_id, run, people):
    for act in owning(workspace, project_id, run, "rita").values():
        with pytest.raises(PermissionDeniedError, match="takes the role owner"):
            act()
    for act in deciding(workspace, project_id, run, "rita").values():
        act()
    assert {event.actor for event in review.ledger(workspace, project_id)} == {"rita"}


def test_an_owner_may_do_everything(workspace, project_id, run, people):
    every = deciding(workspace, project_id, run, "olga") | owning(
        workspace, project_id, run, "olga"
    )
    started = [act() for name, act in every.items() if name != "delete"]
    assert len(started) == len(every) - 1
    jobs_of = jobs.list_jobs(workspace, project_id=project_id, active_only=True)
    for job in jobs_of:
        jobs.cancel(workspace, job.job_id, actor="olga")
    every["delete"]()
    assert members.list_members(workspace, project_id)  # those everywhere stay


def test_a_role_in_a_project_goes_before_one_everywhere(
    workspace, project_id, people, make_project
):
    members.set_member(workspace, "vic", REVIEWER, project_id=project_id, actor="olga")
    assert permissions.role_of(workspace, "vic", project_id) is REVIEWER
    assert permissions.role_of(workspace, "vic") is VIEWER
    results = review.record(workspace, project_id, [keep(workspace, project_id)], actor="vic")
    assert results[0].outcome is Outcome.SAVED


def test_a_reviewer_may_cancel_the_export_they_started(workspace, project_id, run, people):
    job = exports.start_export(workspace, project_id, "csv", actor="rita")
    with pytest.raises(PermissionDeniedError):
        jobs.cancel(workspace, job.job_id, actor="vic")
    assert jobs.cancel(workspace, job.job_id, actor="rita").state == "cancelled"


def test_an_owner_everywhere_always_stays(workspace, project_id):
    with pytest.raises(ConflictError, match="nobody would be an owner"):
        members.set_member(workspace, "rita", REVIEWER, actor="rita")
    with pytest.raises(ConflictError, match="nobody would be an owner"):
        members.set_member(workspace, "rita", OWNER, project_id=project_id, actor="rita")
    olga = members.set_member(workspace, "olga", OWNER, actor="olga")
    rita = members.set_member(workspace, "rita", REVIEWER, actor="olga")
    with pytest.raises(ConflictError):
        members.remove_member(workspace, olga.member_id, actor="olga")
    with pytest.raises(ConflictError):
        members.set_member(workspace, "olga", VIEWER, actor="olga")
    members.remove_member(workspace, rita.member_id, actor="olga")
    members.remove_member(workspace, olga.member_id, actor="olga")
    assert members.list_members(workspace) == []
    assert permissions.role_of(workspace, "anybody") is OWNER


def test_the_operator_of_the_server_needs_no_role(workspace, people):
    with pytest.raises(PermissionDeniedError):
        members.set_member(workspace, "eve", OWNER, actor="eve")
    eve = members.set_member(workspace, " eve ", OWNER, actor="root", as_operator=True)
    assert (eve.name, eve.role, eve.added_by) == ("eve", OWNER, "root")


def test_members_that_cannot_be_are_refused(workspace, people):
    with pytest.raises(DataError, match="printable"):
        members.set_member(workspace, "a\x00b", VIEWER, actor="olga")
    with pytest.raises(NotFoundError, match="no member 99"):
        members.remove_member(workspace, 99, actor="olga")
    with pytest.raises(NotFoundError, match="no project 99"):
        members.set_member(workspace, "ann", VIEWER, project_id=99, actor="olga")


def test_claims_are_given_back_without_a_role(workspace, project_id, run, people):
    rita = Claimant("rita")
    queue = QueueFilter()
    claims.take(workspace, project_id, run.run_id, queue, rita, after=None, limit=3)
    assert claims.renew(workspace, project_id, rita) == 3
    members.set_member(workspace, "rita", VIEWER, actor="olga")
    claims.release(workspace, project_id, rita)
    assert claims.renew(workspace, project_id, rita) == 0


def test_every_service_that_takes_an_actor_asks_for_a_role():
    """Directly, or through another service that does."""
    asking = {"require", "submit", "submit_in", "record", "undo_batch", "redo_batch"}
    silent = []
    for path in SERVICES.glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        for name, node in functions.items():
            names = {arg.arg for arg in [*node.args.args, *node.args.kwonlyargs]}
            if name.startswith("_") or "actor" not in names:
                continue
            inside = ast.unparse(node)
            inside += "".join(
                ast.unparse(helper)
                for own, helper in functions.items()
                if own.startswith("_") and f"{own}(" in inside
            )
            if not any(f"{asked}(" in inside for asked in asking) and "actor=actor" not in inside:
                silent.append(f"{path.name}: {name}")
    assert silent == []
