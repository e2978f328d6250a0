"""Bring the schema up to date: backup first, one transaction, one migrator at a time."""

import os
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from turn_core.durable import sync_folder
from turn_core.errors import StoreError
from turn_core.store import engine as engines

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(engine: Engine, *, backups: Path | None = None, scripts: Path = SCRIPTS) -> bool:
    """Upgrade the schema to the newest version; return whether anything had to be done.

    A SQLite database that already holds tables is copied into `backups` first (default: beside
    the database). A failed migration leaves nothing behind.

    Raises:
        StoreError: the database was made by a newer version of the program.
    """
    config = _config(scripts)
    directory = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        present = _checked_revision(connection, directory)
        if present == directory.get_current_head():
            return False
        has_tables = bool(inspect(connection).get_table_names())
    path = engines.sqlite_path(engine)
    if path is not None and has_tables:
        _back_up(engine, backups or path.parent / "backups", present or "none")
    with engine.connect() as connection:
        engines.allow_rebuilds(connection, on=True)
        try:
            with connection.begin():
                _upgrade(connection, config, directory)
        finally:
            engines.allow_rebuilds(connection, on=False)
    return True


def revision(engine: Engine) -> str | None:
    """Return the version of the schema, or None in an empty database."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection, config: Config, directory: ScriptDirectory) -> None:
    engines.lock_migration(connection)
    _checked_revision(connection, directory)  # another migrator may have been here meanwhile
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if faults := engines.foreign_key_faults(connection):
        raise StoreError(f"the migration would leave {faults} rows that point nowhere: not done")


def _checked_revision(connection: Connection, directory: ScriptDirectory) -> str | None:
    present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in directory.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"the store was made by a newer version (schema {present}, this one knows "
            f"{directory.get_current_head()}): install that version, or use another TURN_HOME"
        )
    return present


def _back_up(engine: Engine, folder: Path, present: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    final = folder / f"turn-{present}-{stamp}-{os.getpid()}.db"
    partial = final.with_suffix(".tmp")
    partial.unlink(missing_ok=True)
    engines.backup(engine, partial)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, final)
    sync_folder(folder)


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
