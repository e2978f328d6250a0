"""The identity that a database shares with its home folder."""

import secrets

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from turn_core.store import engine as engines
from turn_core.store import tables


def identity(session: Session) -> str:
    """Return the identity of the database; draw it where there is none yet."""
    engines.lock_files(session)  # not two at once
    found = session.execute(select(tables.Home.id)).scalar()
    if found is None:
        found = secrets.token_hex(16)
        session.execute(insert(tables.Home).values(id=found))
    return found
