"""A form owns its fields, and a session what it holds: nothing is kept by a list that somebody has to extend."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from app.ui.session import Session


def draw() -> None:
    """A form whose fields no module of the desk knows, with a button that has its token in its key."""
    import streamlit as st

    from app.errors import DatabaseError
    from app.ui import forms
    from tests.conftest import ANALYST

    with forms.errors_shown():
        st.json(forms.unsent_texts())
        if st.session_state.get("is away"):
            raise DatabaseError("The database does not answer.")
        form = forms.Form(ANALYST, "claim AML-7F3KQ2XA")
        with form.place(), form.box():
            form.text("Story", "story")
            st.number_input("Loss", key=form.key("loss_in_cents"))
            form.button("Send", lambda: None, ":material/send:")
        st.button("Drop", key=f"drop {form.token}", on_click=forms.clear, args=(form.name,))


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception[0].message
    return page


def drawn() -> AppTest:
    """The form, with something in each of its fields that was sent."""
    page = run(AppTest.from_function(draw))
    page.text_area[0].set_value("He asked for the limit.")
    page.number_input[0].set_value(125)
    page.button[0].click()
    return run(page)


def test_each_field_that_a_form_draws_outlives_a_fault_whatever_it_is_called() -> None:
    page = drawn()
    page.session_state["is away"] = True
    for _ in range(3):
        assert not run(page).text_area
    page.session_state["is away"] = False
    run(page)
    assert (page.text_area[0].value, page.number_input[0].value) == ("He asked for the limit.", 125)


def test_what_is_given_back_to_be_copied_is_what_was_typed_and_not_accepted() -> None:
    page = run(drawn())
    assert "He asked for the limit." in page.json[0].value
    assert "125" not in page.json[0].value
    page.button[1].click()
    run(page)
    assert page.json[0].value == "[]"
    assert page.text_area[0].value == ""


def hold() -> None:
    from app.ui import session
    from app.ui.session import Session, mine

    mine.review, mine.owner = "AML-7F3KQ2XA", "Me"
    mine.put({one: one.default for one in (Session.review, *session.TRIAGE)})
    assert (mine.review, mine.owner, mine.tour) == ("", "Anyone", None)
    known = session.token()
    session.doings().files.append(session.File("a.csv", b""))
    session.forget()
    assert (session.token(), session.doings().files) == (known, [])
    mine.put({one: one.default for one in session.TRIAGE})


def test_the_session_holds_no_more_keys_than_it_needs_and_a_widget_always_its_own() -> None:
    held = run(AppTest.from_function(hold)).session_state
    assert "owner" in held
    assert Session.review.key not in held


def test_no_two_things_are_held_under_one_key() -> None:
    keys = [one.key for one in vars(Session).values() if hasattr(one, "key")]
    assert len(keys) == len(set(keys)) > 30
