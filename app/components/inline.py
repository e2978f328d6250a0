"""Register a component whose HTML, CSS and JavaScript lie beside its Python, without a build."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).resolve().parent


def inline_component(
    folder: str,
    *,
    html: str = "",
    css: str | tuple[str, ...] = "",
    scripts: tuple[str, ...] = (),
) -> Callable[..., Any]:
    """Register the component of a folder as `turn_FOLDER`.

    Its files are named like the folder, or else as given. `scripts` are joined into one module:
    only the last has an export.
    """
    html, css = html or f"{folder}.html", css or f"{folder}.css"
    scripts = scripts or (f"{folder}.js",)

    def texts(*files: str) -> str:
        return "\n".join((_HERE / folder / file).read_text(encoding="utf-8") for file in files)

    return st.components.v2.component(
        f"turn_{folder}",
        html=texts(html),
        css=texts(*((css,) if isinstance(css, str) else css)),
        js=texts(*scripts),
    )


def on_trigger() -> None:
    """Do nothing: Streamlit wants a callback for each trigger; the return value is enough."""
