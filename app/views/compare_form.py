"""The form of a comparison: a backbone, methods by group, seeds, and what to compute."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.format import count, md_escape
from turn_core.compare_config import METHODS, Budget, CompareConfig, Group
from turn_core.services.backbones import BackboneChoice

_GROUPS: dict[Group, tuple[str, str]] = {
    "turn": ("This app's own", "A run, on the same samples as the others."),
    "probe": ("Linear probe", "A linear head on features of the frozen backbone: quick."),
    "fft": ("Full fine-tuning", "All weights, on all labels: slow without a GPU."),
    "tuner": (
        "The backbone itself is noisy",
        "NMTune reshapes the features of a backbone that was trained on wrong labels itself; LP "
        "and MLP are its controls. They do nothing about wrong labels in your data.",
    ),
}
_BUDGETS: dict[Budget, str] = {
    "short": "20 epochs, as the TURN paper",
    "own": "As each method's own paper (hundreds of epochs)",
}


def configure(
    choices: Sequence[BackboneChoice], splits: Mapping[str, int], *, allow_hub: bool
) -> tuple[CompareConfig, str] | None:
    """Show the form; return config and name ("" for none given) when Start was pressed.

    `splits` are those of the project's data with their numbers of samples.

    Raises:
        ConfigError: a setting is out of range.
    """
    usable = {choice.name: choice for choice in choices if choice.usable}
    with st.container(border=True, key="compare_form"):
        st.markdown(
            "Train several methods on the labels as they are now, and see which predicts held-out "
            "images best. Labels, rounds and reviews stay as they are."
        )
        first, second = st.columns([3, 1], gap="medium")
        backbone = first.selectbox(
            "Backbone", list(usable), key="compare_backbone",
            format_func=lambda name: f"{usable[name].title} · {usable[name].availability.lower()}",
            help="All methods start from this pre-trained network.",
        )  # fmt: skip
        seeds = second.number_input(
            "Seeds", 1, 20, 3, 1, key="compare_seeds",
            help="How often each method is run. The spread says how far to trust a difference.",
        )  # fmt: skip
        methods = _methods()
        values, name = _advanced(splits)
        start = st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="compare_start",
            disabled=not methods or backbone is None,
        )  # fmt: skip
    if not start:
        return None
    config = CompareConfig(
        backbone=backbone, methods=tuple(methods), seeds=int(seeds), allow_hub=allow_hub, **values
    )
    return config, name


def _methods() -> list[str]:
    chosen: list[str] = []
    standard = CompareConfig().methods
    for group, (title, text) in _GROUPS.items():
        names = [name for name, info in METHODS.items() if info.group == group]
        told = "; ".join(f"{METHODS[name].title}: {METHODS[name].explanation}" for name in names)
        chosen += st.pills(
            title, names, selection_mode="multi", key=f"compare_{group}",
            default=[name for name in names if name in standard],
            format_func=lambda name: METHODS[name].title, help=md_escape(f"{text} {told}"),
        )  # fmt: skip
    return chosen


def _advanced(splits: Mapping[str, int]) -> tuple[dict[str, Any], str]:
    with st.expander("Advanced", icon=":material/tune:"):
        first, second, third = st.columns(3, gap="medium")
        samples = first.number_input(
            "Images", 20, 1_000_000, 2000, 100, key="compare_samples",
            help="At most so many, evenly from the classes: trained on and held out together.",
        )  # fmt: skip
        holdout = first.number_input(
            "Held-out share", 0.05, 0.8, 0.2, 0.05, key="compare_holdout",
            help="Of each class, drawn anew for every seed. Where the data have a test or val "
            "split, that one is held out.",
        )  # fmt: skip
        epochs = second.number_input(
            "Fine-tuning epochs", 1, 100, 5, 1, key="compare_epochs",
            help="Of CE, GCE and ELR with all weights. TURN has those of a run.",
        )  # fmt: skip
        budget = second.selectbox(
            "Linear probes", list(_BUDGETS), format_func=lambda key: _BUDGETS[key],
            key="compare_budget", help="DivideMix and UNICON ask for hundreds of epochs.",
        )  # fmt: skip
        seed = third.number_input("First seed", 0, 2**31 - 100, 0, 1, key="compare_seed")
        name = third.text_input("Name", key="compare_name", max_chars=200, placeholder="optional")
        outside = _outside(splits)
    return {
        "max_samples": int(samples),
        "holdout_fraction": float(holdout),
        "finetune_epochs": int(epochs),
        "budget": budget,
        "seed": int(seed),
        "outside": tuple(outside),
    }, name


def _outside(splits: Mapping[str, int]) -> list[str]:
    if not splits:
        return []
    return st.multiselect(
        "Other domain", list(splits), key="compare_outside",
        format_func=lambda name: f"{name} ({count(splits[name])})",
        help="Splits of the data that are never trained on and measured apart: whether a method "
        "holds up on images of another kind.",
    )  # fmt: skip
