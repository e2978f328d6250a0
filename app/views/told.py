"""Errors as people read them."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.format import md_escape
from turn_core.errors import NotFoundError, TurnError


@contextmanager
def told() -> Iterator[None]:
    """Show a TurnError of the block as its one sentence, in place of a traceback."""
    try:
        yield
    except TurnError as error:
        text = str(error)
        icon = ":material/search_off:" if isinstance(error, NotFoundError) else ":material/error:"
        st.error(md_escape(text[:1].upper() + text[1:]), icon=icon)
