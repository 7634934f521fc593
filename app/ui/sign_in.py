"""Who is acting: someone the identity provider vouches for, or in the demo a choice from a list.

    demo  a picker of active users, which the desk trusts; the default on the embedded database
    oidc  Streamlit's `st.login` with the provider in `.streamlit/secrets.toml`; the default on a server

Whoever it is, what they may do is what the database says of them at that moment, never what a session remembers.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import sleep, time

import streamlit as st

from app import gate, repository, settings, users
from app.errors import RUN, DeskError, NotAllowed, SettingsError, SignedOut, UnknownUser
from app.models import User
from app.settings import SignIn
from app.ui import base, forms, streamlit_seams, words
from app.ui.session import Session, mine

WORKING_DAY = timedelta(hours=12)
"""How long a sign-in lasts; Streamlit's own cookie would last 30 days."""

_LOGGER = logging.getLogger(__name__)

HOW_TO_CONFIGURE = """
Nobody can sign in yet. Whoever runs the desk names an OpenID Connect provider in `.streamlit/secrets.toml`:

```toml
[auth]
redirect_uri = "https://desk.bank.example/oauth2callback"
cookie_secret = "a long random text"
client_id = "…"
client_secret = "…"
server_metadata_url = "https://login.bank.example/.well-known/openid-configuration"
```

To try the desk without one, say `AML_SIGN_IN=demo`: then everybody who reaches it may act as anybody.
"""


def mode() -> SignIn:
    """Return how people sign in here."""
    return base.config().signs_in(base.desk().is_embedded)


def actor() -> User:
    """Return who is acting, as the database knows them now. Raises NotAllowed, SignedOut or UnknownUser."""
    user_id = acting()
    if not user_id:
        raise NotAllowed("You are not signed in.")
    person = base.desk().read(lambda tx: repository.user_alike(tx, user_id))
    if mode() is SignIn.OIDC and (since := signed_in_at()):
        users.check_signed_in(person, since)
    return person


def acting() -> str:
    """Return the user id of who is acting; empty where nobody is."""
    return mine.acting or "" if mode() is SignIn.DEMO else claimed()


def check_admitted() -> None:
    """In a fragment, which runs again without the frame: draw the whole page anew where this person may not see it."""
    try:
        if actor().active:
            return
    except DeskError:
        pass  # the frame tells it
    st.rerun()


def signed_in_at() -> datetime | None:
    """Return since when somebody is signed in; None where nobody is, or the provider does not say it."""
    issued = st.user.get("iat") if st.user.get("is_logged_in") else None
    return datetime.fromtimestamp(issued, UTC) if isinstance(issued, int | float) else None


def claimed() -> str:
    """Return the user id that the provider vouches for; empty where nobody is signed in, or was too long ago."""
    since = signed_in_at()
    if since is None or datetime.now(UTC) > since + WORKING_DAY:
        return ""
    claim = st.user.get(base.config().sign_in_claim)
    return claim if isinstance(claim, str) else ""


def admit() -> None:
    """In the frame, before a page runs: show in the sidebar who acts. End the run where nobody may see anything."""
    if mode() is SignIn.DEMO:
        _open_gate()  # to whoever reaches it
        if not base.desk().is_embedded:
            st.warning(
                "Sign-in is off (AML_SIGN_IN=demo): everybody may act as anybody here.", icon=":material/lock_open:"
            )
        with st.sidebar:
            _choose()
        return
    if not _is_configured():
        st.error("Sign-in is not configured.", icon=":material/lock:")
        st.markdown(HOW_TO_CONFIGURE)
        st.stop()
    user_id = claimed()
    if not user_id and not st.user.get("is_logged_in"):
        forms.keep_typed("")
        _welcome("Sign in with your bank's account. It returns you to Triage: open your link again after that.")
    if not user_id:
        _log_once("A sign-in has ended, or does not say who it is")
        _return_unsent()
        _welcome("Your sign-in has ended, or does not say who you are. Sign in again.")
    since = signed_in_at()
    mine.signed_in_at, mine.signed_in_until = since, since and since + WORKING_DAY
    try:
        person = actor()
    except SignedOut as ended:  # nothing typed is given back: somebody else may sit here now
        forms.keep_typed("")
        _welcome(str(ended))
    except UnknownUser:
        _refuse(user_id, "is not known to this desk. A Manager asks whoever runs it to add you.")
    else:
        if not person.active:
            _refuse(user_id, "is not active on this desk any more.")
        with st.sidebar:
            st.markdown(f"**{words.plain(person.name)}**  \n{person.role.value}")
            st.button("Sign out", key="sign_out", on_click=sign_out, icon=":material/logout:")
        _log_once("%.100r signed in", user_id)
        _open_gate()


def sign_out() -> None:
    """In a button's callback: end this sign-in wherever it is held, then the provider's.

    The second in which it ends is let pass, as a new sign-in of the same second would be taken for this one. Where the
    database is away, the browser at least forgets it.
    """
    since = signed_in_at()
    if since and (user_id := claimed()):
        with suppress(DeskError):
            users.sign_out(base.desk(), user_id, since)
            sleep(1 - time() % 1)
    _LOGGER.info("%.100r signed out", claimed())
    st.logout()


def _log_once(what: str, *user_id: str) -> None:
    """Log who this session is now, which each of its runs finds out anew. A user id may be any text of a provider's."""
    if mine.logged != (what, *user_id):
        mine.logged = (what, *user_id)
        _LOGGER.info(what, *user_id)


def _open_gate() -> None:
    if session_id := streamlit_seams.session_id():
        gate.admit(st.context.headers.get(gate.HEADER), session_id)


def _is_configured() -> bool:
    """Return whether there is a provider. Raise SettingsError where Streamlit cannot read a file that the desk can."""
    try:
        return bool(st.secrets.get("auth"))
    except (FileNotFoundError, UnicodeDecodeError) as error:
        if not settings.SECRETS.exists():
            return False
        settings.load()  # which says what is wrong with the file, but for what the desk itself passes over
        raise SettingsError(
            f"Streamlit's sign-in cannot read {settings.SECRETS}. Save it as UTF-8 without a byte order mark, "
            "and start the desk again."
        ) from error


def _welcome(words: str) -> None:
    st.title("AML Case Desk", anchor=False)
    st.write(words)
    st.write("Whoever is let in sees every case, and which of them led to a SAR: sign in only with a BSA need.")
    st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")
    st.stop()


def _return_unsent() -> None:
    """Show what this session sent and the desk did not accept, for its person to copy."""
    forms.show_outcome({})
    if texts := forms.unsent_texts():
        st.caption("Not saved; copy what you need:")
    for text in texts:
        st.code(text, language=None, wrap_lines=True)


def _refuse(user_id: str, why: str) -> None:
    _log_once("%.100r is refused to sign in: unknown, or not active", user_id)
    st.title("AML Case Desk", anchor=False)
    st.error(f"{words.plain(user_id)} {why}", icon=":material/person_off:")
    st.button("Sign out", on_click=sign_out, icon=":material/logout:")
    st.stop()


def _choose() -> None:
    """Draw the picker of active users."""
    people = base.people()
    active = {user_id: person for user_id, person in people.items() if person.active}
    if not active:
        fill = f"Fill it with demo data: {RUN} seed demo" if base.desk().is_embedded else f"Add them: {RUN} user add"
        st.info(f"This desk has no active users yet. {fill}")
        st.stop()
    if mine.acting not in (None, *active):
        mine.left = mine.acting
        del mine.acting
    acted = base.who_acted(mine.acting or mine.left or "")
    if Session.acting not in mine and mine.left is None:
        if acted is None:
            st.stop()  # until the browser says it: nobody looks at anything in another's name
        if acted in active:
            mine.acting = acted
        elif acted in people:
            mine.left = acted
    chosen = st.selectbox(
        "Acting as",
        list(active),
        index=0 if mine.left is None else None,
        format_func=lambda user_id: f"{active[user_id].name}, {active[user_id].role}",
        key=Session.acting.key,
        persist_state="session",  # whoever acts stays, where a fault keeps a run from drawing this
        help="The demo trusts this choice. What each role may do is enforced all the same.",
    )
    if chosen is None:
        st.warning(f"{words.plain(mine.left)} is no longer active. Choose who acts.")
        st.stop()
    _log_once("%.100r acts, as somebody chose without signing in", chosen)
    if mine.forms_of not in (None, chosen):
        del mine.forms  # what somebody else typed is theirs
    mine.forms_of = chosen
