import pytest
from sqlalchemy import text

from turn_core.config import TurnConfig
from turn_core.errors import ConflictError, NotFoundError
from turn_core.services import cleanup, jobs, projects, review, runs, samples
from turn_core.store import exports
from turn_core.store import runs as run_queries
from turn_core.store.columns import Base
from turn_core.types import Action, DecisionRequest, JobKind, JobState


def put_images(workspace, project_id):
    hashes = samples.label_snapshot(workspace, project_id).sha256s.tolist()
    for sha256 in hashes:
        for path in (workspace.files.blob(sha256), workspace.files.thumb(sha256)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return hashes


def blobs(workspace):
    return {path.name for path in (workspace.files.home / "blobs").glob("*/*")}


def test_a_project_goes_with_all_that_is_its_own(workspace, make_project, make_run):
    gone, stays = make_project("gone"), make_project("stays")
    put_images(workspace, gone)
    kept = put_images(workspace, stays)
    run = make_run(gone)
    other_run = make_run(stays)
    sample_id = int(samples.label_snapshot(workspace, gone).sample_ids[0])
    for version, action in enumerate((Action.KEEP, Action.UNDO)):
        request = DecisionRequest(
            sample_id=sample_id,
            version=version,
            action=action,
            idem_key=f"k{version}",
            run_id=run.run_id,
        )
        review.record(workspace, gone, [request], actor="ann")
    projects.delete_project(workspace, gone, actor="ann")
    with pytest.raises(NotFoundError):
        projects.get_project(workspace, gone)
    with workspace.reading() as session:
        for table in Base.metadata.sorted_tables:
            if "project_id" in table.columns:
                query = text(f'SELECT count(*) FROM "{table.name}" WHERE project_id = {gone}')
                assert session.execute(query).scalar() == 0, table.name
    assert blobs(workspace) == set(kept)
    assert not workspace.files.run(run.run_id).exists()
    assert workspace.files.run(other_run.run_id).exists()
    assert len(review.next_candidates(workspace, stays, other_run.run_id)) == 12


def test_images_that_another_project_uses_stay(workspace):
    new = [projects.NewSample("a.png", "ab" * 32, 1, 1, projects.SampleState.OK, "cat", 0)]
    ids = [
        projects.create_project(workspace, projects.NewProject(name, ("cat",)), new, actor="ann")
        for name in ("one", "two")
    ]
    put_images(workspace, ids[0])
    projects.delete_project(workspace, ids[0], actor="ann")
    assert blobs(workspace) == {"ab" * 32}
    projects.delete_project(workspace, ids[1], actor="ann")
    assert blobs(workspace) == set()


def test_a_running_job_is_asked_to_stop_and_keeps_the_project(workspace, make_project):
    project_id = make_project()
    job = jobs.submit(
        workspace, JobKind.EXPORT, {}, project_id=project_id, idem_key="k", actor="ann"
    )
    claimed = jobs.claim(workspace, "w", [JobKind.EXPORT])
    with pytest.raises(ConflictError, match="it was asked to stop"):
        projects.delete_project(workspace, project_id, actor="ann")
    assert jobs.heartbeat(workspace, job.job_id, claimed.fence).cancel_requested
    jobs.finish(workspace, job.job_id, claimed.fence, state=JobState.CANCELLED)
    projects.delete_project(workspace, project_id, actor="ann")
    assert projects.list_projects(workspace) == []


def test_a_queued_job_goes_with_its_project(workspace, make_project):
    project_id = make_project()
    job = jobs.submit(
        workspace, JobKind.EXPORT, {}, project_id=project_id, idem_key="k", actor="ann"
    )
    projects.delete_project(workspace, project_id, actor="ann")
    with pytest.raises(NotFoundError):
        jobs.get_job(workspace, job.job_id)


def test_an_import_under_way_keeps_all_images(workspace, make_project):
    project_id = make_project()
    hashes = put_images(workspace, project_id)
    running = jobs.submit(workspace, JobKind.IMPORT, {}, idem_key="k", actor="ann")
    projects.delete_project(workspace, project_id, actor="ann")
    assert blobs(workspace) == set(hashes)
    jobs.cancel(workspace, running.job_id, actor="ann")
    assert cleanup.sweep_images(workspace) == len(hashes)
    assert blobs(workspace) == set()


def test_an_export_is_listed_once_its_file_is_whole(workspace, make_project):
    project_id = make_project()
    values = {"fmt": "csv", "now": 1000, "actor": "ann"}
    with workspace.writing() as session:
        export_id = exports.insert_export(session, project_id, job_id=None, **values)
        assert exports.list_exports(session, project_id) == []
        exports.finish_export(
            session,
            export_id,
            file_name="a.csv",
            num_bytes=3,
            num_rows=2,
            labels_sha256="l",
            file_sha256="f",
        )
    with workspace.reading() as session:
        (export,) = exports.list_exports(session, project_id)
        assert export == exports.get_export(session, project_id, export_id)
        assert (export.file_name, export.num_rows, export.created_at) == ("a.csv", 2, 1.0)
        with pytest.raises(NotFoundError):
            exports.get_export(session, project_id + 1, export_id)


def test_thumbnails_and_previews_without_their_image_are_swept(workspace, make_project):
    kept = put_images(workspace, make_project())
    lost = "cd" * 32
    for path in (workspace.files.thumb(lost), workspace.files.preview(lost)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left by a crash in the middle of a deletion")
    (workspace.files.thumb(lost).parent / ("z" * 64)).write_bytes(b"not ours")
    assert cleanup.sweep_images(workspace) == 1
    assert not workspace.files.thumb(lost).exists()
    assert not workspace.files.preview(lost).exists()
    assert workspace.files.thumb(kept[0]).exists()


def test_folders_that_nothing_lists_are_swept(workspace, make_project, make_run):
    project_id = make_project()
    done = make_run(project_id)
    failed = runs.start_run(workspace, project_id, TurnConfig(), actor="ann")
    with workspace.writing() as session:
        listed = exports.insert_export(
            session, project_id, job_id=None, fmt="csv", now=1, actor="ann"
        )
    files = workspace.files
    stays = [files.run(done.run_id), files.run(failed.run_id), files.export(listed)]
    for folder in (*stays, files.run(99), files.export(99)):
        folder.mkdir(parents=True, exist_ok=True)
    assert cleanup.sweep_folders(workspace) == 2
    assert all(folder.exists() for folder in stays)
    jobs.cancel(workspace, failed.job_id, actor="ann")
    assert cleanup.sweep_folders(workspace) == 1
    assert not files.run(failed.run_id).exists()


def test_decoded_images_go_with_the_last_project_that_trained_on_them(
    workspace, make_project, make_run
):
    gone, stays = make_project("gone"), make_project("stays")
    folder = workspace.files.array("any").parent
    folder.mkdir(parents=True)
    for project_id, key in ((gone, "pixels-aa"), (stays, "pixels-bb")):
        run = make_run(project_id)
        with workspace.writing() as session:
            run_queries.update_run(session, run.run_id, environment={"pixels_key": key})
        (folder / f"{key}.npy").write_bytes(b"x")
    for name in ("pixels-cc.npy.part", "features-dd.json", "projection-aa.npy"):
        (folder / name).write_bytes(b"x")
    training = runs.start_run(workspace, stays, TurnConfig(), actor="ann")
    assert cleanup.sweep_caches(workspace) == 0
    jobs.cancel(workspace, training.job_id, actor="ann")
    projects.delete_project(workspace, gone, actor="ann")
    assert {path.name for path in folder.iterdir()} == {"pixels-bb.npy", "projection-aa.npy"}
