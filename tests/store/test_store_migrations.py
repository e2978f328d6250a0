from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from turn_core.compare_config import CompareConfig
from turn_core.config import Settings
from turn_core.errors import StoreError
from turn_core.explore_config import ExploreConfig
from turn_core.services import comparisons, explorations, studies
from turn_core.store import engine as engines
from turn_core.store.columns import Base
from turn_core.store.migrate import SCRIPTS, migrate, revision
from turn_core.types.comparing import COMPARISON, Cell
from turn_core.types.exploring import EXPLORATION, Panel, PanelMethod

HEAD = str(ScriptDirectory(str(SCRIPTS)).get_current_head())
BROKEN = """
import sqlalchemy as sa
from alembic import op
revision = "9000"
down_revision = "HEAD"

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    with op.batch_alter_table("project") as batch:
        batch.add_column(sa.Column("note", sa.Text))
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""
BROKEN = BROKEN.replace("HEAD", HEAD)
RECREATE = 'recreate="always" if op.get_bind().dialect.name == "sqlite" else "never"'
REBUILD = BROKEN.replace('    op.execute("INSERT INTO no_such_table VALUES (1)")\n', "").replace(
    'batch_alter_table("project")', f'batch_alter_table("project", {RECREATE})'
)


PANEL = Panel(
    idx=2,
    backbone="turn-mini",
    method=PanelMethod.BEFORE,
    noise_level=None,
    metrics={"cka": 1.0},
    projections=("pca", "tsne"),
    ready_at=9.25,
)
CELL = Cell(method="gce", seed=3, curve=(0.5, 0.75), measures={"sve_after": 2.0}, ready_at=10.5)


def downgrade(engine, *, to):
    """Take the database down to an older revision."""
    with (
        engine.begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        for script in ScriptDirectory(str(SCRIPTS)).walk_revisions():
            if script.revision > to:
                script.module.downgrade()
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{to}'"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request, tmp_path):
    """Settings of a home and a database without tables: these tests migrate."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    return Settings(home=tmp_path / "home", database_url=url)


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts"
    (folder / "versions").mkdir(parents=True)
    for path in (SCRIPTS / "env.py", *SCRIPTS.glob("versions/*.py")):
        (folder / path.relative_to(SCRIPTS)).write_text(path.read_text())
    return folder


def test_migrations_make_the_tables_of_the_code(workspace):
    with workspace.engine.connect() as connection:
        migrated = MigrationContext.configure(connection)
        assert compare_metadata(migrated, Base.metadata) == []


def test_check_constraints_of_the_code_are_in_the_database(workspace):
    found = inspect(workspace.engine)
    for table in Base.metadata.sorted_tables:
        wanted = {c.name for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        assert {c["name"] for c in found.get_check_constraints(table.name)} == wanted


def test_a_second_migration_does_nothing(workspace):
    assert migrate(workspace.engine) is False
    assert revision(workspace.engine) == HEAD


def test_a_newer_schema_is_refused(workspace):
    with workspace.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        migrate(workspace.engine)


def test_a_failed_migration_leaves_nothing_behind(workspace, make_project, scripts):
    make_project()
    (scripts / "versions" / "9000_broken.py").write_text(BROKEN)
    with pytest.raises(Exception, match="no_such_table"):
        migrate(workspace.engine, scripts=scripts)
    assert revision(workspace.engine) == HEAD
    assert "half" not in inspect(workspace.engine).get_table_names()
    assert "note" not in {c["name"] for c in inspect(workspace.engine).get_columns("project")}


def test_rebuilding_a_parent_table_keeps_the_rows_of_its_children(workspace, make_project, scripts):
    make_project(num_samples=5)
    (scripts / "versions" / "9000_note.py").write_text(REBUILD)
    assert migrate(workspace.engine, scripts=scripts) is True
    with workspace.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sample")).scalar() == 5
        assert connection.execute(text("SELECT note FROM project")).scalar() is None
    with workspace.engine.connect() as connection:  # the checks are on again
        if engines.is_sqlite(connection):
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_an_upgrade_copies_the_database_first(workspace, make_project, scripts):
    path = engines.sqlite_path(workspace.engine)
    if path is None:
        assert engines.is_sqlite(workspace.engine) is False
        return
    make_project(num_samples=5)
    (scripts / "versions" / "9000_note.py").write_text(REBUILD)
    migrate(workspace.engine, backups=workspace.files.backups, scripts=scripts)
    (copy,) = workspace.files.backups.iterdir()
    connection = engines.sqlite_module().connect(str(copy))
    assert connection.execute("SELECT count(*) FROM sample").fetchone() == (5,)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_an_older_database_gets_what_came_later(workspace, make_project):
    make_project(num_samples=5)
    downgrade(workspace.engine, to="0001")
    assert migrate(workspace.engine, backups=workspace.files.backups) is True
    with workspace.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert connection.execute(text("SELECT count(*) FROM sample")).scalar() == 5


def test_explorations_and_comparisons_of_old_become_studies_and_back(workspace, make_project):
    project_id = make_project(num_samples=36)
    explored = explorations.start_exploration(workspace, project_id, ExploreConfig(), actor="ann")
    compared = comparisons.start_comparison(workspace, project_id, CompareConfig(), actor="ann")
    studies.save_part(workspace, explored, PANEL)
    studies.save_part(workspace, explored, replace(PANEL, idx=10, noise_level=0.5, projections=()))
    studies.save_part(workspace, compared, CELL)
    studies.save_summary(workspace, compared, {"num_held_out": 7})
    before = [studies.list_studies(workspace, k, project_id) for k in (EXPLORATION, COMPARISON)]
    downgrade(workspace.engine, to="0010")
    with workspace.engine.connect() as connection:
        panels = connection.execute(text("SELECT idx, projections FROM exploration_panel"))
        assert sorted(map(tuple, panels)) == [(2, "pca tsne"), (10, "")]
        cells = connection.execute(text("SELECT method, seed, ready_at FROM comparison_cell"))
        assert list(map(tuple, cells)) == [("gce", 3, 10500)]
    assert migrate(workspace.engine, backups=workspace.files.backups) is True
    after = [studies.list_studies(workspace, k, project_id) for k in (EXPLORATION, COMPARISON)]
    assert after[0] == before[0]  # its files are named by its id
    assert [replace(study, study_id=compared.study_id) for study in after[1]] == before[1]
    assert after[1][0].study_id != explored.study_id
    config = CompareConfig(seed=1)
    fresh = comparisons.start_comparison(workspace, project_id, config, actor="ann")
    assert fresh.study_id == after[1][0].study_id + 1  # an id is given once


def test_many_migrators_at_once_make_one_schema(settings):
    settings.home.mkdir()
    found = [engines.open_engine(settings) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrate, found))
    assert any(done)
    assert revision(found[0]) == HEAD
    for engine in found:
        engine.dispose()


def test_everything_can_be_taken_down_again(workspace, make_project):
    make_project()
    newest_first = list(ScriptDirectory(str(SCRIPTS)).walk_revisions())
    with (
        workspace.engine.begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        for script in newest_first:
            script.module.downgrade()
    assert inspect(workspace.engine).get_table_names() == ["alembic_version"]
