"""The search for the linear probe's settings: its form, what it found, and the offer to use it."""

from collections.abc import Sequence

import streamlit as st

from app.format import count, duration, md_escape, percent, plural, when
from turn_core.config import ProbeConfig, SearchConfig
from turn_core.services.backbones import BackboneChoice
from turn_core.services.searches import Search

OPTIMIZERS = {"sgd": "SGD", "adamw": "AdamW"}
SHOWN = 10
"""So many of the best settings are listed."""


def offer(found: Search) -> bool:
    """Ask whether a round uses what a search found on its backbone."""
    use = st.toggle(
        "Use the settings that the search found",
        key=f"run_found_{found.job_id}",
        help="Optimiser, learning rate, weight decay and batch size of the linear probe. Without "
        "them the round has those of the backbone's preset.",
    )
    st.caption(f"{told(found.probe)}. {_compared(found)}")
    return use


def ask(choices: Sequence[BackboneChoice]) -> SearchConfig | None:
    """Show the form; return the config when Search was pressed."""
    st.caption(
        f"Tries {SearchConfig().num_settings} settings of the linear probe on features that are "
        "computed once, and compares them on a fifth of the labels, held out. Takes minutes. What "
        "is found is offered where a round is started."
    )
    usable = [choice for choice in choices if choice.usable]
    left, right = st.columns([3, 1], vertical_alignment="bottom", gap="medium")
    place = left.selectbox(
        "Backbone of the search",
        range(len(usable)),
        format_func=lambda index: usable[index].title,
        key="search_backbone",
    )
    start = right.button(
        "Search", icon=":material/manage_search:", width="stretch", key="search_start"
    )
    return SearchConfig(backbone=usable[place].name) if start else None


def result(found: Search) -> None:
    """Say what the newest search found, and list the best settings."""
    st.markdown(f"**{md_escape(_name(found.backbone))}**: {_verdict(found)}")
    failed = f", {plural(found.num_failed, 'setting')} diverged" if found.num_failed else ""
    st.caption(
        f"{plural(found.num_settings, 'setting')} on {count(found.num_samples)} images, "
        f"{count(found.num_held_out)} of them held out, in {duration(found.seconds)} of computing"
        f"{failed}; {when(found.finished_at)}. Held-out labels may be wrong like all others: "
        "differences of a few tenths are chance."
    )
    rows = sorted(range(found.num_settings), key=lambda row: (-found.trials["accuracy"][row], row))
    rows = rows[:SHOWN]
    st.dataframe(
        {
            "Optimiser": [OPTIMIZERS[found.trials["optimizer"][row]] for row in rows],
            "Learning rate": [f"{found.trials['learning_rate'][row]:g}" for row in rows],
            "Weight decay": [f"{found.trials['weight_decay'][row]:g}" for row in rows],
            "Batch size": [found.trials["batch_size"][row] for row in rows],
            "Held-out labels predicted": [percent(found.trials["accuracy"][row]) for row in rows],
        },
        hide_index=True,
        width="stretch",
        key="search_trials",
    )


def told(probe: ProbeConfig) -> str:
    """Return settings in words."""
    return (
        f"{OPTIMIZERS[probe.optimizer]}, learning rate {probe.learning_rate:g}, weight decay "
        f"{probe.weight_decay:g}, batches of {probe.batch_size}"
    )


def _verdict(found: Search) -> str:
    if not found.is_ahead:
        return "no setting predicts more held-out labels than the preset; keep it."
    return f"{told(found.probe)}. {_compared(found)}"


def _compared(found: Search) -> str:
    return (
        f"Predicts {percent(found.accuracy)} of the held-out labels, the preset "
        f"{percent(found.preset_accuracy)}."
    )


def _name(backbone: str) -> str:
    return backbone.rstrip("/").rsplit("/", 1)[-1]
