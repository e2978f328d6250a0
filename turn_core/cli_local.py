"""The workspace of a command's own, in its result folder, and the jobs that it runs here itself."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from turn_core.config import Settings
from turn_core.errors import ConflictError

if TYPE_CHECKING:
    from turn_core.services.local_source import Execute
    from turn_core.services.workspace import Workspace

LOCK = "audit.lock"


def settings_for(out: Path) -> Settings:
    """Return the settings of a command's own workspace, which lies in its result folder."""
    return replace(Settings.from_env(), home=out.absolute() / "workspace", database_url="")


@contextmanager
def opened(settings: Settings) -> Iterator[tuple["Workspace", "Execute"]]:
    """Open that workspace alone, with what runs a job in this process and shows its progress."""
    from turn_core.jobs import console, local
    from turn_core.services import local_source
    from turn_core.services.workspace import open_workspace

    line = console.ProgressLine(sys.stderr)
    with alone(settings.home):
        workspace = open_workspace(settings)
        local_source.recover(workspace)
        try:
            yield (
                workspace,
                lambda job: local.run_here(workspace, job, on_progress=line.show),
            )
        except KeyboardInterrupt:
            line.close()
            sys.stderr.write("The same command again goes on from here.\n")
            raise
        finally:
            line.close()
            workspace.close()


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Keep a second command out of the same folder.

    Raises:
        ConflictError: another one is writing there.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"another audit is writing to {home.parent}; wait for it or choose another --out"
            ) from error
        yield
