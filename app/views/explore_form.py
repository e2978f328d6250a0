"""The form of an exploration: backbones, noise, levels, classes, and what to compute."""

from collections.abc import Sequence

import streamlit as st

from app.format import md_escape, shorten
from app.views.explore_noise import KINDS, needs
from turn_core.errors import DataError
from turn_core.explore_config import ExploreConfig, ProjectionMethod
from turn_core.noise_config import NoiseKind
from turn_core.services.backbones import BackboneChoice
from turn_core.types import ClassInfo

DEFAULT_LEVELS = "10, 90"
MAX_LEVELS = 20


def configure(
    choices: Sequence[BackboneChoice], classes: Sequence[ClassInfo], *, allow_hub: bool
) -> tuple[ExploreConfig, str] | None:
    """Show the form; return config and name ("" for none given) when Start was pressed.

    Raises:
        ConfigError: a setting is out of range.
        DataError: the noise levels are not a list of per cents, or the noise needs to know more.
    """
    usable = {choice.name: choice for choice in choices if choice.usable}
    with st.container(border=True, key="explore_form"):
        st.markdown(
            "Fine-tune backbones on labels with noise put in on purpose, and see what becomes of "
            "images that were held out."
        )
        backbones, noise, levels = _noise_row(usable)
        asked = needs(noise, classes)
        chosen = _classes_row(classes)
        with_turn, epochs, samples, projections, seed, name = _effort_row()
        start = st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="explore_start",
            disabled=not backbones,
        )  # fmt: skip
        _availability([choice for choice in choices if not choice.usable])
    if not start:
        return None
    config = ExploreConfig(
        backbones=tuple(backbones), noise=noise, levels=levels_from(levels), classes=chosen,
        max_samples=samples, max_points=samples, epochs=epochs, with_turn=with_turn,
        projections=projections, seed=seed, allow_hub=allow_hub, **asked,
    )  # fmt: skip
    return config, name


def levels_from(text: str) -> tuple[float, ...]:
    """Read `10, 90` or `2.5 % 40 %` as shares.

    Raises:
        DataError: it is empty, too long, not numbers, or a number is not in 0..100.
    """
    parts = text.replace("%", " ").replace(",", " ").replace(";", " ").split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if not 1 <= len(values) <= MAX_LEVELS or not all(0 <= value <= 100 for value in values):
        raise DataError(
            f"noise levels must be 1 to {MAX_LEVELS} per cents from 0 to 100 such as "
            f"{DEFAULT_LEVELS!r}, got {text[:40]!r}"
        )
    return tuple(sorted({value / 100 for value in values}))


def _noise_row(usable: dict[str, BackboneChoice]) -> tuple[list[str], NoiseKind, str]:
    first, second, third = st.columns([2.2, 1.5, 1.2], gap="medium")
    backbones = first.multiselect(
        "Backbones", list(usable), default=list(usable)[:1], key="explore_backbones",
        format_func=lambda name: f"{usable[name].title} · {usable[name].availability.lower()}",
        help="One column of maps for each.",
    )  # fmt: skip
    kind = second.selectbox(
        "Noise", list(KINDS), format_func=lambda name: KINDS[name][0], key="explore_noise",
        help="Which labels flip: " + "; ".join(f"{t}: {e}" for t, e in KINDS.values()) + ".",
    )  # fmt: skip
    levels = third.text_input(
        "Noise levels in %", DEFAULT_LEVELS, key="explore_levels", max_chars=200,
        help="Any list. The paper shows 10 and 90: slight noise sharpens a good extractor, heavy "
        "noise mixes its classes up.",
    )  # fmt: skip
    return backbones, kind, levels


def _classes_row(classes: Sequence[ClassInfo]) -> tuple[int, ...] | None:
    names = {info.index: info.name for info in classes}
    if len(names) <= 10:
        at_random = st.toggle("All classes", True, key="explore_all_classes")
    else:
        at_random = st.toggle("Ten classes at random", True, key="explore_all_classes")
    if at_random:
        return None
    chosen = st.multiselect(
        "Classes", list(names), default=list(names)[:10], key="explore_classes",
        format_func=lambda index: shorten(names[index], 40),
    )  # fmt: skip
    return tuple(chosen)


def _effort_row() -> tuple[bool, int, int, tuple[ProjectionMethod, ...], int, str]:
    with_turn = st.toggle(
        "TURN beside plain fine-tuning", False, key="explore_turn",
        help="Runs TURN on the same noised labels: about as long again for each level.",
    )  # fmt: skip
    with st.expander("Advanced", icon=":material/tune:"):
        first, second, third = st.columns(3, gap="medium")
        samples = first.number_input(
            "Images", 20, 100_000, 2000, 100, key="explore_samples",
            help="At most so many to train on, and at most so many others on the maps; evenly "
            "from the classes.",
        )  # fmt: skip
        epochs = second.number_input(
            "Fine-tuning epochs", 1, 100, 5, 1, key="explore_epochs",
            help="Passes over the training images per noise level.",
        )  # fmt: skip
        seed = third.number_input(
            "Seed", 0, 2**31 - 1, 0, 1, key="explore_seed",
            help="The same seed, data and settings give the same maps.",
        )  # fmt: skip
        name = first.text_input("Name", key="explore_name", max_chars=200, placeholder="optional")
        umap = second.toggle("UMAP as well", False, key="explore_umap")
    projections: tuple[ProjectionMethod, ...] = ("pca", "tsne", "umap") if umap else ("pca", "tsne")
    return with_turn, int(epochs), int(samples), projections, int(seed), name


def _availability(missing: Sequence[BackboneChoice]) -> None:
    if missing:
        st.caption(
            ":material/cloud_off: Not here, and the hub is switched off: "
            + md_escape(", ".join(choice.title for choice in missing))
        )
