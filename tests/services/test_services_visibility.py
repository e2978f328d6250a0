"""A member of one project sees that one: for every service that reads, others do not exist."""

import uuid

import pytest

from turn_core.errors import NotFoundError
from turn_core.services import (
    audits,
    exports,
    jobs,
    ledger,
    media,
    members,
    permissions,
    projects,
    quality,
    queues,
    review,
    runs,
    samples,
    tags,
)
from turn_core.store.columns import Base
from turn_core.types import Action, DecisionRequest
from turn_core.types.reviewing import QueueFilter, Role

NO_PROJECT = {"home", "project", "worker"}
"""Tables whose rows belong to no one project; a project is one by its id."""


@pytest.fixture
def other(workspace, make_project, make_run):
    """A reviewed project with a tag, in which Rita has no role; Olga owns everything."""
    project_id = make_project("theirs")
    make_run(project_id)
    sample_id = int(samples.label_snapshot(workspace, project_id).sample_ids[0])
    request = DecisionRequest(
        sample_id=sample_id, version=0, action=Action.KEEP, idem_key=uuid.uuid4().hex
    )
    review.record(workspace, project_id, [request], actor="olga")
    tags.tag_samples(workspace, project_id, "odd", [sample_id], actor="olga")
    exports.start_export(workspace, project_id, "csv", actor="olga")
    return project_id


@pytest.fixture
def own(workspace, make_project, other):
    """Rita's project; hers is a role in it alone."""
    project_id = make_project("hers")
    members.set_member(workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(workspace, "rita", Role.REVIEWER, project_id=project_id, actor="olga")
    return project_id


def named(workspace):
    return [project.name for project in projects.list_projects(workspace)]


def readings(workspace, project_id, run, sample_id):
    """What may be read of a project, by the name of the service."""
    where = (workspace, project_id)
    return {
        "project": lambda: projects.get_project(*where),
        "overview": lambda: projects.overview(*where),
        "classes": lambda: projects.classes(*where),
        "samples": lambda: samples.browse(*where).items,
        "sample": lambda: samples.get_sample(*where, sample_id),
        "history": lambda: samples.history(*where, sample_id),
        "image": lambda: media.thumb_path(*where, sample_id),
        "runs": lambda: runs.list_runs(*where),
        "run": lambda: runs.get_run(*where, run.run_id),
        "queue": lambda: queues.next_candidates(*where, run.run_id),
        "count": lambda: queues.count(*where, run.run_id, QueueFilter()),
        "quality": lambda: quality.quality(*where, run.run_id),
        "decisions": lambda: review.ledger(*where),
        "ledger": lambda: ledger.browse(*where).events,
        "number": lambda: ledger.browse(*where).total,
        "file": lambda: list(ledger.csv_lines(*where))[1:],
        "people": lambda: ledger.people_and_queues(*where)[0],
        "tags": lambda: tags.list_tags(*where),
        "jobs": lambda: jobs.list_jobs(workspace, project_id=project_id),
        "job": lambda: jobs.get_job(workspace, run.job_id),
        "draw": lambda: audits.drawn(*where),
    }


def test_another_project_does_not_exist_for_any_service_that_reads(workspace, own, other):
    seen = workspace.seen_by("rita")
    (run,) = runs.list_runs(workspace, other)
    sample_id = int(samples.label_snapshot(workspace, other).sample_ids[0])
    shown = {}
    for name, read in readings(seen, other, run, sample_id).items():
        try:
            shown[name] = read()
        except NotFoundError:
            shown[name] = None
    assert {name: found for name, found in shown.items() if found} == {}
    for name, read in readings(workspace.seen_by("olga"), other, run, sample_id).items():
        if name not in ("image", "draw"):  # no image was made, no audit drawn
            assert read(), name


def test_projects_are_those_in_which_one_has_a_role(workspace, own, other):
    assert named(workspace.seen_by("rita")) == ["hers"]
    assert named(workspace.seen_by("olga")) == ["hers", "theirs"]
    assert named(workspace.seen_by("eve")) == []
    members.set_member(workspace, "rita", Role.VIEWER, project_id=other, actor="olga")
    assert named(workspace.seen_by("rita")) == ["hers", "theirs"]


def test_a_role_everywhere_shows_all_and_so_does_no_member_at_all(workspace, make_project):
    make_project("first")
    assert named(workspace.seen_by("anybody")) == ["first"]
    members.set_member(workspace, "olga", Role.OWNER, actor="olga")
    assert named(workspace.seen_by("anybody")) == []
    members.set_member(workspace, "vic", Role.VIEWER, actor="olga")
    assert named(workspace.seen_by("vic")) == ["first"]


def test_own_project_is_read_and_changed_as_ever(workspace, own):
    seen = workspace.seen_by("rita")
    assert len(samples.browse(seen, own).items) == 12
    assert projects.add_class(seen, own, "emu", actor="rita").name == "emu"
    assert permissions.role_of(seen, "rita", own) is Role.REVIEWER
    assert [member.name for member in members.list_members(seen, own)] == ["olga", "rita"]


def test_every_table_says_whose_project_its_rows_belong_to():
    without = {name for name, table in Base.metadata.tables.items() if "project_id" not in table.c}
    assert without == NO_PROJECT
