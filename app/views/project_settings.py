"""What a project is, another class for it, and its end."""

from dataclasses import dataclass

import streamlit as st

from app.format import count, md_escape, when
from turn_core.types import Project


@dataclass(frozen=True, slots=True)
class AddClass:
    """The person wants another class of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The person wants the project deleted, and typed its name."""


def facts(project: Project) -> None:
    """Say where the project came from and how large it is."""
    st.caption(
        f"Imported {when(project.created_at)} by {md_escape(project.created_by)} · "
        f"{count(project.num_samples)} images · {count(project.label_rev)} decisions"
    )


def show(project: Project) -> AddClass | Delete | None:
    """Show the forms that change the project; return what was asked for."""
    add, delete = st.columns(2, gap="medium")
    with add.container(border=True, height="stretch"), st.form("add_class", border=False):
        st.markdown("**Add a class**")
        st.caption("Reviewers can choose it at once. Classes are never renamed or taken away.")
        name = st.text_input("Name of the class", max_chars=200)
        if st.form_submit_button("Add") and name.strip():
            return AddClass(name)
    with delete.container(border=True, height="stretch"), st.form("delete_project", border=False):
        st.markdown("**Delete this project**")
        st.caption("Its decisions, rounds and exports go with it, for good. Export first.")
        typed = st.text_input("Type the name of the project to confirm")
        if st.form_submit_button("Delete for good", icon=":material/delete:"):
            if typed == project.name:
                return Delete()
            st.warning("The name is not the same; nothing was deleted.")
    return None
