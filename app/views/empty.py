"""What a page shows while there is no project."""

import streamlit as st


def no_project() -> None:
    """Say that there is no project, and lead to the import."""
    with st.container(border=True, key="no_project"):
        st.subheader("There is no project yet")
        st.markdown("Import images with labels, or try the demo: it takes one click.")
        if st.button("Import images", type="primary", icon=":material/upload:"):
            st.switch_page("../pages/data.py")
