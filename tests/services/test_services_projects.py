import pytest

from turn_core.errors import ConflictError, DataError, NotFoundError
from turn_core.services import jobs, projects
from turn_core.services.projects import NewProject, NewSample
from turn_core.types import JobKind, RefusedItem, SampleState

SHA = "ab" * 32


def sample(name="a.png", label=0, **more):
    values = {"state": SampleState.OK, "raw_label": "cat", **more}
    return NewSample(name, SHA, 8, 8, class_index=label, **values)


def test_a_project_is_stored_whole(workspace, make_project):
    project_id = make_project("pets", num_samples=7)
    (project,) = projects.list_projects(workspace)
    assert project == projects.get_project(workspace, project_id)
    assert (project.name, project.num_samples, project.num_classes) == ("pets", 7, 3)
    sizes = [(c.index, c.name, c.num_given, c.num_current) for c in projects.classes(workspace, 1)]
    assert sizes == [(0, "cat", 3, 3), (1, "dog", 2, 2), (2, "owl", 2, 2)]


def test_a_taken_name_is_refused_and_leaves_nothing(workspace, make_project):
    make_project("pets")
    with pytest.raises(ConflictError, match="'pets' exists"):
        make_project("pets")
    assert len(projects.list_projects(workspace)) == 1


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        ([], "none of the 0 images is readable"),
        ([sample(state=SampleState.UNREADABLE)], "none of the 1 images"),
        ([sample(), sample()], "two images are named 'a.png'"),
        ([sample(label=1)], "class 1 of 1"),
        ([sample(raw_label="a\x00b")], "no text"),
        ([sample("\udc80.png")], "no text"),
    ],
)
def test_what_cannot_be_a_project_is_refused_with_a_sentence(workspace, samples, told):
    with pytest.raises(DataError, match=told):
        projects.create_project(workspace, NewProject("p", ("cat",)), samples, actor="ann")
    assert projects.list_projects(workspace) == []


def test_refused_items_and_the_report_are_kept(workspace):
    refused = [RefusedItem("../x", "leaves the archive"), RefusedItem("b.txt", "no image")]
    new = NewProject("p", ("cat",))
    report = {"seconds": 1.5}
    project_id = projects.create_project(workspace, new, [sample()], refused, report, actor="ann")
    assert projects.refusals(workspace, project_id) == refused
    assert projects.overview(workspace, project_id).import_report == report


def test_an_import_that_is_repeated_after_a_kill_makes_one_project(workspace):
    job = jobs.submit(workspace, JobKind.IMPORT, {}, idem_key="k", actor="ann")
    new = NewProject("p", ("cat",))

    def create():
        return projects.create_project(workspace, new, [sample()], actor="a", job_id=job.job_id)

    with pytest.raises(ConflictError, match="is queued"):
        create()
    jobs.claim(workspace, "w", [JobKind.IMPORT])
    assert create() == create()
    assert jobs.get_job(workspace, job.job_id).project_id == create()


def test_an_added_class_gets_the_next_index(workspace, make_project):
    project_id = make_project()
    added = projects.add_class(workspace, project_id, "fox", actor="ann")
    assert (added.index, added.name) == (3, "fox")
    with pytest.raises(ConflictError, match="'fox' exists"):
        projects.add_class(workspace, project_id, " FOX ", actor="ann")
    with pytest.raises(DataError, match="is empty"):
        projects.add_class(workspace, project_id, "  ", actor="ann")


def test_an_unknown_project_is_named(workspace):
    with pytest.raises(NotFoundError, match="no project 5"):
        projects.get_project(workspace, 5)
    with pytest.raises(NotFoundError, match="no project 5"):
        projects.overview(workspace, 5)
