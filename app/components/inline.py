"""Register a component whose HTML, CSS and JavaScript lie beside its Python, without a build."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).resolve().parent


def inline_component(
    name: str, *, folder: str, html: str, css: str, scripts: tuple[str, ...]
) -> Callable[..., Any]:
    """Join `scripts` into one module (only the last has an export) and register it as `name`."""
    texts = [(_HERE / folder / script).read_text(encoding="utf-8") for script in scripts]
    return st.components.v2.component(
        name,
        html=(_HERE / folder / html).read_text(encoding="utf-8"),
        css=(_HERE / folder / css).read_text(encoding="utf-8"),
        js="\n".join(texts),
    )
