"""What the adjudication page shows of conflicts: the votes, and the choices that settle them."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import links
from app.format import percent, when
from turn_core.types import Action, ClassInfo, ReviewSettings
from turn_core.types.voting import Conflict, ConflictPage, Vote

Json = dict[str, Any]
_OUTCOME_TEXT = {Action.EXCLUDE: "exclude", Action.NEEDS_REVIEW: "needs review"}
_SMALL_PX = 64


def heading(*, can_undo: bool) -> bool:
    """Say what the page is for; return True when the last settlement is to be taken back."""
    title, button = st.columns([4, 1], vertical_alignment="center")
    with title.container(gap=None):
        st.title("Adjudicate")
        st.caption(
            "Images on which reviewers disagree. What you choose settles the image, as a line of "
            "the ledger; the votes stay."
        )
    return can_undo and button.button(
        "Undo", icon=":material/undo:", width="stretch", key="adjudicate_undo",
        help="Takes back what you settled last: reviewers disagree on it again.",
    )  # fmt: skip


def owners_only() -> None:
    """Say who may settle conflicts."""
    st.info("An owner settles what reviewers disagree on. Ask one.", icon=":material/balance:")


def nothing(settings: ReviewSettings) -> str | None:
    """Say that there is no conflict; return the page that the button leads to."""
    with st.container(border=True, key="no_conflict"):
        st.subheader("Reviewers disagree on nothing")
        if settings.most == 1:
            st.markdown(
                "One reviewer decides each image. To have several vote on each, raise the number "
                "on Data, *Project*."
            )
            return "data" if st.button("Open Data", icon=":material/photo_library:") else None
        number = f"{settings.least} to {settings.most}"
        if settings.least == settings.most:
            number = str(settings.most)
        st.markdown(f"Each image takes {number} votes; those that differ appear here.")
        return "review" if st.button("Review", type="primary", icon=":material/rule:") else None


def card_data(
    page: ConflictPage,
    classes: Sequence[ClassInfo],
    *,
    project_id: int,
    said: tuple[str, int | None] = ("", None),
) -> Json:
    """Return what the component shows; `said` holds a text and the sample to show, if any."""
    names = {info.class_id: info.name for info in classes}
    return {
        "conflicts": [_conflict(conflict, names, project_id) for conflict in page.conflicts],
        "total": page.total,
        "classes": [[class_id, name] for class_id, name in sorted(names.items(), key=_by_name)],
        "said": said[0],
        "show": said[1],
    }


def _by_name(item: tuple[int, str]) -> str:
    return item[1].lower()


def _conflict(conflict: Conflict, names: Mapping[int, str], project_id: int) -> Json:
    sample = conflict.sample
    given = sample.given_class_id
    return {
        "id": sample.sample_id,
        "version": sample.version,
        "name": sample.file_name,
        "src": links.preview(project_id, sample),
        "tiny": max(sample.width or 0, sample.height or 0) <= _SMALL_PX,
        "given": "no label" if given is None else names[given],
        "givenId": given,
        "votes": [
            {"who": vote.actor, "text": _outcome(vote, names), "note": _note(vote)}
            for vote in conflict.votes
        ],
        "choices": _choices(conflict, names),
    }


def _choices(conflict: Conflict, names: Mapping[int, str]) -> list[Json]:
    """Return what was voted for, the most votes first, and the given label."""
    given = conflict.sample.given_class_id
    voters: dict[tuple[bool, int | None], list[str]] = {}
    for vote in conflict.votes:
        if vote.class_id is not None or vote.action is Action.EXCLUDE:
            voters.setdefault((vote.class_id is None, vote.class_id), []).append(vote.actor)
    if given is not None:
        voters.setdefault((False, given), [])
    likeliest = conflict.consensus
    in_order = sorted(voters.items(), key=lambda item: -len(item[1]))
    return [
        {
            "action": _action(class_id, given).value,
            "class": class_id,
            "text": "Exclude" if class_id is None else names[class_id],
            "by": ", ".join(who) if who else "the given label",
            "tag": f"likeliest, {percent(likeliest.probability, 0)}"
            if class_id == likeliest.class_id and excluded == (likeliest.action is Action.EXCLUDE)
            else "",
        }
        for (excluded, class_id), who in in_order
    ]


def _action(class_id: int | None, given: int | None) -> Action:
    if class_id is None:
        return Action.EXCLUDE
    return Action.KEEP if class_id == given else Action.RELABEL


def _outcome(vote: Vote, names: Mapping[int, str]) -> str:
    if vote.class_id is not None:
        return names[vote.class_id]
    return _OUTCOME_TEXT.get(vote.action, vote.action.value)


def _note(vote: Vote) -> str:
    spent = "" if vote.seconds_spent is None else f"{vote.seconds_spent:.1f} s · "
    return f"{spent}{'bulk · ' if vote.bulk else ''}{when(vote.at)}"
