from turn_core.services import demo, jobs
from turn_core.services.projects import NewProject, NewSample, create_project
from turn_core.types import JobKind, SampleState


def test_second_click_returns_the_job_that_is_already_there(workspace):
    first = demo.start_demo(workspace, "ann")
    assert first.kind is JobKind.IMPORT
    assert demo.start_demo(workspace, "bob").job_id == first.job_id


def test_demo_gets_a_free_name(workspace):
    sample = NewSample("a.png", "0" * 64, 8, 8, SampleState.OK, "cat", 0)
    create_project(workspace, NewProject("Digits demo", ("cat",)), [sample], actor="ann")
    job = demo.start_demo(workspace, "ann")
    assert job.params["plan"]["name"] == "Digits demo 2"
    jobs.cancel(workspace, job.job_id, actor="ann")
    assert demo.start_demo(workspace, "ann").job_id != job.job_id
