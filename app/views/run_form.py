"""The form of a run: a backbone, Start, and everything else behind `Advanced`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from app.format import md_escape
from turn_core.config import (
    METHOD_TITLES,
    Augmentation,
    CleansingConfig,
    FinetuneConfig,
    Method,
    ProbeConfig,
    TurnConfig,
)
from turn_core.services.backbones import BackboneChoice

AUGMENTATIONS: tuple[Augmentation, ...] = ("affine", "crop", "none")
DEVICES = ("auto", "cpu", "cuda")
METHODS: tuple[Method, ...] = ("turn", "turn-plus")


def configure(
    choices: Sequence[BackboneChoice], preset: Callable[[str], TurnConfig], *, next_round: int
) -> TurnConfig | None:
    """Show the form; return the config when Start was pressed.

    `preset` gives the complete config of a backbone, and may ask for it; the form changes some of
    its fields.
    """
    usable = [choice for choice in choices if choice.usable]
    with st.container(border=True):
        st.subheader(f"Train round {next_round}")
        left, right = st.columns([3, 1], vertical_alignment="bottom", gap="medium")
        place = left.selectbox(
            "Backbone",
            range(len(usable)),
            format_func=lambda index: _label(usable[index]),
            key="run_backbone",
            help="The pre-trained network that looks at the images. The embedded one needs no "
            "network; larger ones find more and take longer.",
        )
        chosen = usable[place]
        config = _advanced(preset(chosen.name), chosen)
        start = right.button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch", key="run_start"
        )
        _availability(choices, chosen)
    return config if start else None


def _label(choice: BackboneChoice) -> str:
    millions = f" · {choice.parameters / 1e6:.1f} M weights" if choice.parameters else ""
    return f"{choice.title}{millions} · {choice.availability.lower()}"


def _availability(choices: Sequence[BackboneChoice], chosen: BackboneChoice) -> None:
    if not chosen.is_here:
        st.caption(
            ":material/cloud_download: The weights are fetched from the Hugging Face hub when the "
            "run starts. Where the hub cannot be reached, the run ends and says so."
        )
    facts = f"Looks at {chosen.input_px} × {chosen.input_px} pixels. Weights: {chosen.licence}."
    st.caption(md_escape(f"{facts} {chosen.note if not chosen.is_here else ''}"))
    missing = [choice.title for choice in choices if not choice.usable]
    if missing:
        st.caption(
            ":material/cloud_off: Not here, and the hub is switched off: "
            + md_escape(", ".join(missing))
        )


def _advanced(config: TurnConfig, chosen: BackboneChoice) -> TurnConfig:
    """Show the settings that people change; the keys hold the backbone, whose preset they show."""
    key = chosen.name
    with st.expander("Advanced", icon=":material/tune:"):
        first, second, third = st.columns(3, gap="medium")
        with first:
            method = _method(config, key)
            cleansing, seed = _threshold(config.cleansing, key), _seed(config, key)
        with second:
            finetune = _finetuning(config.finetune, key)
        with third:
            probe = _probing(config.probe, key)
            holdout = st.number_input(
                "Hold-out share", 0.0, 0.5, config.holdout_fraction, 0.05, key=f"run_holdout_{key}",
                help="Share of each class that is never trained on and measures accuracy.",
            )  # fmt: skip
        device = first.selectbox(
            "Device", DEVICES, key=f"run_device_{key}",
            help="auto takes the GPU where there is one.",
        )  # fmt: skip
    return replace(
        config,
        method=method,
        seed=seed,
        device=device,
        holdout_fraction=float(holdout),
        probe=probe,
        cleansing=cleansing,
        finetune=finetune,
    )


def _method(config: TurnConfig, key: str) -> Method:
    return st.selectbox(
        "Method", METHODS, METHODS.index(config.method), METHOD_TITLES.__getitem__,
        key=f"run_method_{key}",
        help="TURN as its paper has it; or TURN-plus, which also learns which classes are given "
        "in place of which, and judges labels by that.",
    )  # fmt: skip


def _threshold(config: CleansingConfig, key: str) -> CleansingConfig:
    threshold = st.number_input(
        "Threshold τ", 0.01, 0.99, config.threshold, 0.05, key=f"run_tau_{key}",
        help="A label counts as clean above this clean probability, as suspicious at or below it.",
    )  # fmt: skip
    return replace(config, threshold=float(threshold))


def _seed(config: TurnConfig, key: str) -> int:
    seed = st.number_input(
        "Seed", 0, 2**31 - 1, config.seed, 1, key=f"run_seed_{key}",
        help="The same seed, data and settings give the same result.",
    )  # fmt: skip
    return int(seed)


def _probing(config: ProbeConfig, key: str) -> ProbeConfig:
    epochs = st.number_input(
        "Linear-probe epochs", 1, 1000, config.epochs, 1, key=f"run_probe_{key}",
        help="Passes over the frozen features in step 1.",
    )  # fmt: skip
    balanced = st.toggle(
        "Balanced classes", config.class_balanced, key=f"run_balanced_{key}",
        help="For labels that are wrong far more often in some classes than in others.",
    )  # fmt: skip
    return replace(config, epochs=int(epochs), class_balanced=balanced)


def _finetuning(config: FinetuneConfig, key: str) -> FinetuneConfig:
    epochs = st.number_input(
        "Fine-tuning epochs", 0, 100, config.epochs, 1, key=f"run_epochs_{key}",
        help="Rounds of cleansing, each followed by one epoch on the clean labels. 0 stops after "
        "the linear probe: faster, and often good enough for a first look.",
    )  # fmt: skip
    rate = st.number_input(
        "Learning rate", 1e-7, 1.0, config.learning_rate, format="%.1e", key=f"run_rate_{key}",
        help="Peak of a cosine schedule; the preset suits the backbone.",
    )  # fmt: skip
    batch = st.number_input(
        "Batch size", 1, 4096, config.batch_size, 16, key=f"run_batch_{key}",
        help="Samples per optimiser step; computed in smaller pieces where memory is short.",
    )  # fmt: skip
    augmentation = st.selectbox(
        "Augmentation", AUGMENTATIONS, AUGMENTATIONS.index(config.augmentation),
        key=f"run_augment_{key}", help="affine suits small images, crop suits photographs.",
    )  # fmt: skip
    return replace(
        config,
        epochs=int(epochs),
        learning_rate=float(rate),
        batch_size=int(batch),
        augmentation=augmentation,
    )
