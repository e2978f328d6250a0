"""Opens the database. The only file that knows dialects: SQLite (default) and PostgreSQL."""

import importlib
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from turn_core.config import Settings
from turn_core.errors import ConfigError, ResourceError, StoreError, TurnError

MIN_SQLITE = (3, 51, 3)
"""Older versions can corrupt a database in WAL mode (sqlite.org/wal.html, "WAL-reset bug")."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smbfs", "smb3", "afs", "9p", "ceph", "glusterfs", "lustre"}
    | {"beegfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "davfs", "webdav"}
)
"""WAL needs shared memory, which these do not give."""

_READ = "turn_read"
_PRAGMAS = (
    "PRAGMA busy_timeout=30000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    # Per connection, and each thread of the app has one; the operating system keeps the file's
    # pages anyhow. With 32 MB each no query was quicker, and eight threads held 290 MB more.
    "PRAGMA cache_size=-2000",
)
_MIGRATION_LOCK = 7_402_001
_FILES_LOCK = 7_402_002
_MEMBERS_LOCK = 7_402_003
_CLAIMS_LOCK = 7_500_000


def open_engine(settings: Settings) -> Engine:
    """Connect to the database that the settings name; the schema is not touched.

    Raises:
        ConfigError: `database_url` is neither SQLite nor PostgreSQL.
        StoreError: SQLite is too old, or its file lies on a network disk.
    """
    url = database_url(settings)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    return _open_postgres(url)


def database_url(settings: Settings) -> URL:
    """Return the URL in use: `settings.database_url`, or `turn.db` in the home folder."""
    if not settings.database_url:
        return URL.create("sqlite", database=str(settings.home / "turn.db"))
    try:
        url = make_url(settings.database_url)
    except ArgumentError as error:
        raise ConfigError(
            "TURN_DATABASE_URL must look like postgresql://user:password@host/name or be empty"
        ) from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise ConfigError(
        f"TURN_DATABASE_URL names {url.drivername!r}; supported are postgresql:// and "
        "sqlite:///a/file (empty means SQLite in TURN_HOME)"
    )


def is_sqlite(bind: Engine | Connection) -> bool:
    """Tell SQLite from PostgreSQL."""
    return bind.dialect.name == "sqlite"


def sqlite_path(engine: Engine) -> Path | None:
    """Return the database file, or None on PostgreSQL."""
    return Path(str(engine.url.database)) if is_sqlite(engine) else None


def sqlite_module() -> ModuleType:
    """Return the DB-API module whose SQLite is new enough: pysqlite3, else the one of Python.

    Raises:
        StoreError: neither is at least `MIN_SQLITE`.
    """
    found = []
    for name in ("pysqlite3", "sqlite3"):
        try:
            module = importlib.import_module(name + ".dbapi2")
        except ImportError:
            continue
        if module.sqlite_version_info >= MIN_SQLITE:
            return module
        found.append(f"{name} has {module.sqlite_version}")
    wanted = ".".join(map(str, MIN_SQLITE))
    raise StoreError(
        f"SQLite {wanted} or newer is needed ({', '.join(found)}): "
        "run `pip install pysqlite3` or set TURN_DATABASE_URL to a PostgreSQL"
    )


def reading_engine(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions are read-only and see one moment."""
    if is_sqlite(engine):
        return engine.execution_options(**{_READ: True})
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def now_ms(session: Session) -> int:
    """Return Unix milliseconds by the clock that all workers share (PostgreSQL's own)."""
    if is_sqlite(session.connection()):
        return time.time_ns() // 1_000_000
    now = session.execute(text("SELECT (extract(epoch FROM clock_timestamp())*1000)::bigint"))
    return int(now.scalar_one())


def lock_migration(connection: Connection) -> None:
    """Let one migrator in at a time until the transaction ends (SQLite: BEGIN IMMEDIATE did)."""
    _advisory_lock(connection, _MIGRATION_LOCK)


def lock_files(session: Session) -> None:
    """Keep imports from starting while unused images are deleted, until the transaction ends."""
    _advisory_lock(session.connection(), _FILES_LOCK)


def lock_members(session: Session) -> None:
    """Let one change of the members in at a time, until the transaction ends."""
    _advisory_lock(session.connection(), _MEMBERS_LOCK)


def lock_claims(session: Session, project_id: int) -> None:
    """Hand out the cards of a project to one reviewer at a time, until the transaction ends."""
    _advisory_lock(session.connection(), _CLAIMS_LOCK + project_id)


def allow_rebuilds(connection: Connection, *, on: bool) -> None:
    """Let SQLite rebuild tables that others refer to, outside of any transaction.

    Foreign keys would delete the children of a rebuilt parent, and a rename would stumble over
    triggers that name it. No-op on PostgreSQL, which changes tables in place.
    """
    driver = connection.connection.dbapi_connection
    if is_sqlite(connection) and driver is not None:
        cursor = driver.cursor()
        cursor.execute(f"PRAGMA foreign_keys={'OFF' if on else 'ON'}")
        cursor.execute(f"PRAGMA legacy_alter_table={'ON' if on else 'OFF'}")
        cursor.close()


def foreign_key_faults(connection: Connection) -> int:
    """Count rows that point nowhere (SQLite; PostgreSQL never lets them in)."""
    if not is_sqlite(connection):
        return 0
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def unindexed(session: Session, column: Any) -> Any:
    """Return the column so that SQLite takes no index of it, which it does without counting rows.

    PostgreSQL counts them; it would take an expression for one that hardly any row meets.
    """
    if not is_sqlite(session.connection()):
        return column
    return column + 0 if column.type.python_type is int else func.coalesce(column, "")


def backup(engine: Engine, target: Path) -> None:
    """Write a consistent copy of the SQLite database to `target`, which must not exist."""
    driver = engine.raw_connection()
    try:
        driver.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        driver.close()


def analyze(engine: Engine, *tables: str) -> None:
    """Let PostgreSQL count anew after many rows came; without it, it overlooks indexes."""
    if not is_sqlite(engine):
        with engine.begin() as connection:
            for table in tables:
                connection.exec_driver_sql(f"ANALYZE {table}")


def is_transient(error: DBAPIError) -> bool:
    """Tell whether the same transaction may succeed when it is tried again."""
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40001", "40P01") or "database is locked" in str(error.orig)


def as_turn_error(error: DBAPIError) -> TurnError:
    """Turn a driver's error into one sentence that a person can act on."""
    told = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
    state = str(getattr(error.orig, "sqlstate", ""))
    if "disk is full" in told or state == "53100":
        return ResourceError(f"the disk of the database is full ({told}): free some space")
    if "database is locked" in told or state == "55P03":
        return StoreError("the database stayed locked for 30 s: stop the program that holds it")
    if "malformed" in told or "not a database" in told:
        return StoreError(
            f"the database file is damaged ({told}): put a file of TURN_HOME/backups in its place"
        )
    return StoreError(f"the database refused ({told}): try again, or run `doctor`")


def _advisory_lock(connection: Connection, number: int) -> None:
    if not is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})


def _open_sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = file_system(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"SQLite is not safe on a network disk ({kind}): set TURN_HOME to a local disk "
            "or TURN_DATABASE_URL to a PostgreSQL"
        )
    pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "pool_use_lifo": True}
    engine = create_engine(url, module=sqlite_module(), **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(driver: Any, _record: object) -> None:
    driver.isolation_level = None  # we say BEGIN ourselves: the driver's own is deferred
    cursor = driver.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ, False)
    # Reading first and writing later in a deferred transaction fails with "database is locked"
    # in spite of the busy timeout, so every transaction that may write is immediate.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _open_postgres(url: URL) -> Engine:
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs its driver: run `pip install 'turn-audit[postgres]'`"
        ) from error
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        # Compiling a query of a queue takes longer than running it.
        connect_args={"connect_timeout": 10, "options": "-c lock_timeout=30000 -c jit=off"},
    )


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds the folder ("" where it cannot be told)."""
    resolved = folder.resolve()
    best, kind = -1, ""
    for part in psutil.disk_partitions(all=True):
        mount = Path(part.mountpoint)
        if resolved.is_relative_to(mount) and len(mount.parts) > best:
            best, kind = len(mount.parts), part.fstype.lower()
    return kind
