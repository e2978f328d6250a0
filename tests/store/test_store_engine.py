import threading

import pytest
from sqlalchemy import text

from turn_core.config import Settings
from turn_core.errors import ConfigError, ResourceError, StoreError
from turn_core.services import projects
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.store import engine as engines


def settings_of(tmp_path, url=""):
    return Settings(home=tmp_path, database_url=url)


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h/db", "postgres://u:p@h/db", "postgresql+psycopg://u:p@h/db"]
)
def test_all_spellings_of_postgresql_use_one_driver(tmp_path, url):
    found = engines.database_url(settings_of(tmp_path, url))
    assert found.drivername == "postgresql+psycopg"
    assert (found.host, found.database) == ("h", "db")


def test_without_a_url_the_database_lies_in_the_home_folder(tmp_path):
    assert engines.database_url(settings_of(tmp_path)).database == str(tmp_path / "turn.db")


@pytest.mark.parametrize("url", ["mysql://h/db", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(tmp_path, url):
    with pytest.raises(ConfigError, match="TURN_DATABASE_URL"):
        engines.database_url(settings_of(tmp_path, url))


def test_sqlite_is_new_enough_and_set_for_safety(tmp_path):
    workspace = open_workspace(settings_of(tmp_path))
    with workspace.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "trusted_schema",
            )
        }
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar()
    workspace.close()
    full = 2
    assert found == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 30000,
        "trusted_schema": 0,
    }
    assert tuple(map(int, version.split("."))) >= engines.MIN_SQLITE


def test_all_connections_to_sqlite_together_cache_at_most_64_megabytes(tmp_path):
    workspace = open_workspace(settings_of(tmp_path))
    pool = workspace.engine.pool
    with workspace.engine.connect() as connection:
        kibibytes = -connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    workspace.close()
    assert 0 < 1024 * kibibytes * (pool.size() + pool._max_overflow) <= 64e6


def test_an_old_sqlite_is_refused(monkeypatch):
    monkeypatch.setattr(engines, "MIN_SQLITE", (99, 0, 0))
    with pytest.raises(StoreError, match=r"SQLite 99\.0\.0 or newer is needed"):
        engines.sqlite_module()


def test_a_network_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "file_system", lambda folder: "nfs4")
    with pytest.raises(StoreError, match="network disk"):
        open_workspace(settings_of(tmp_path))


def test_the_file_system_of_a_folder_that_is_mounted_deepest_counts(monkeypatch, tmp_path):
    class Part:
        def __init__(self, mountpoint, fstype):
            self.mountpoint, self.fstype = mountpoint, fstype

    parts = [Part(str(tmp_path), "NFS4"), Part("/", "ext4"), Part(str(tmp_path) + "x", "xfs")]
    monkeypatch.setattr(engines.psutil, "disk_partitions", lambda all: parts)  # noqa: A006
    assert engines.file_system(tmp_path / "home") == "nfs4"


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "turn.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged"):
        open_workspace(settings_of(tmp_path))
    assert (tmp_path / "turn.db").read_bytes().startswith(b"not a database")


def test_a_missing_server_is_told_in_a_sentence(tmp_path):
    url = "postgresql://nobody@127.0.0.1:1/none"
    with pytest.raises(StoreError, match="the database refused"):
        open_workspace(settings_of(tmp_path, url))


def test_a_full_database_disk_is_told_in_a_sentence(tmp_path, make_project):
    workspace = open_workspace(settings_of(tmp_path))

    def fill(session):
        session.execute(text("PRAGMA max_page_count = 1"))
        session.execute(text("CREATE TABLE big AS SELECT randomblob(100000) AS b"))

    with pytest.raises(ResourceError, match="full"):
        workspace.write(fill)
    assert projects.list_projects(workspace) == []
    workspace.close()


def test_a_reader_sees_one_moment(workspace, make_project):
    make_project("first")
    with workspace.reading() as session:
        count = text("SELECT count(*) FROM project")
        assert session.execute(count).scalar() == 1
        make_project("second")
        assert session.execute(count).scalar() == 1
    assert len(projects.list_projects(workspace)) == 2


def test_a_reader_cannot_write_on_postgresql(workspace):
    if engines.is_sqlite(workspace.engine):
        return
    with pytest.raises(StoreError, match="read-only"), workspace.reading() as session:
        session.execute(text("DELETE FROM project"))


def test_a_failed_transaction_leaves_nothing(workspace, make_project):
    make_project()

    def work(session):
        session.execute(text("UPDATE project SET name = 'changed'"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        workspace.write(work)
    assert projects.list_projects(workspace)[0].name == "animals"


def test_reading_then_writing_in_many_threads_loses_nothing(workspace, make_project):
    make_project()

    def add(session):
        seen = session.execute(
            text(
                "SELECT label_rev FROM project FOR UPDATE"
                if not engines.is_sqlite(workspace.engine)
                else "SELECT label_rev FROM project"
            )
        )
        rev = seen.scalar()
        session.execute(text(f"UPDATE project SET label_rev = {rev + 1}"))

    threads = [
        threading.Thread(target=lambda: [workspace.write(add) for _ in range(10)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert projects.list_projects(workspace)[0].label_rev == 40


def test_a_serialization_failure_is_tried_again(workspace: Workspace):
    if engines.is_sqlite(workspace.engine):
        return
    calls = []

    def work(session):
        calls.append(1)
        if len(calls) < 3:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE='40001'; END $$"))
        return len(calls)

    assert workspace.write(work) == 3


def test_home_folder_of_another_database_is_refused_and_keeps_its_files(tmp_path):
    first = open_workspace(settings_of(tmp_path))
    first.close()
    other = settings_of(tmp_path, f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(StoreError, match="belong to another database: set TURN_DATABASE_URL"):
        open_workspace(other)
    open_workspace(settings_of(tmp_path)).close()
    first.files.database_id.unlink()
    open_workspace(other).close()  # somebody said that they belong together


def test_copy_of_the_database_goes_with_the_same_home_folder(tmp_path):
    first = open_workspace(settings_of(tmp_path))
    copy = tmp_path / "restored.db"
    engines.backup(first.engine, copy)
    first.close()
    restored = open_workspace(settings_of(tmp_path, f"sqlite:///{copy}"))
    assert restored.files.database_id.read_text() == first.files.database_id.read_text()
    restored.close()
