"""Errors as people read them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.format import md_escape
from turn_core.errors import NotFoundError, TurnError

_log = logging.getLogger(__name__)


@contextmanager
def told() -> Iterator[None]:
    """Show a TurnError of the block as its one sentence, in place of a traceback."""
    try:
        yield
    except TurnError as error:
        _show(error)


def _show(error: TurnError) -> None:
    text = str(error)
    icon = ":material/search_off:" if isinstance(error, NotFoundError) else ":material/error:"
    st.error(md_escape(text[:1].upper() + text[1:]), icon=icon)


def unexpected(error: Exception) -> bool:
    """Tell what reached no page; log a fault of ours. True keeps Streamlit from telling it."""
    if isinstance(error, TurnError):
        _show(error)
        return True
    _log.error("a page failed", exc_info=error)
    st.error(
        "Something went wrong on this page. Your decisions are safe: each was saved when it was "
        "made. Reload the page; the log of the server has the details.",
        icon=":material/error:",
    )
    return True
