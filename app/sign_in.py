"""Sign-in by OpenID Connect, where secrets.toml has an `[auth]` section; else there is none.

Streamlit runs the flow (`st.login`) and keeps the answer in a cookie of its own that only scripts
can read. Our routes know a browser by its session cookie, so a script that finds somebody signed
in notes it with the session (`Sessions.sign_in`).
"""

from pathlib import Path

import streamlit as st

PATIENCE = "Sign in to go on. Nothing is shown to people who are not signed in."


def required() -> bool:
    """Say whether people must sign in. A secrets file that cannot be read is an error, not a no."""
    files: list[str] = st.get_option("secrets.files") or []
    return any(Path(file).exists() for file in files) and "auth" in st.secrets


def name() -> str | None:
    """Return the name that the provider vouches for: the e-mail address, else the subject."""
    if not st.user.is_logged_in:
        return None
    claims = st.user.to_dict()
    email = claims.get("email")
    if isinstance(email, str) and email and claims.get("email_verified") is not False:
        return email.strip().lower()
    return str(claims["sub"])


def page() -> None:
    """Show the one page there is for somebody who has not signed in."""
    st.title("TURN Audit")
    st.markdown(PATIENCE)
    if st.button("Sign in", type="primary", icon=":material/login:"):
        st.login()


def stranger_page() -> None:
    """Show the one page there is for somebody who signed in and has no role."""
    st.title("TURN Audit")
    st.markdown("You are signed in, but you have no role here. Ask an owner to add you:")
    st.code(name(), language=None)
    if st.button("Sign out", icon=":material/logout:"):
        st.logout()
