"""Case: everything about one case, and what can be done with it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from app import casework, chain, evidence, money, policy, repository, triage_query, verification
from app.database import Transaction
from app.demo import tampering
from app.demo.tampering import CHANGE, CUT, DELETE, REWRITE, SWAP
from app.errors import RUN, BrokenCase, UnknownCase
from app.log import checkpoint, proofs
from app.models import Action, Break, Case, Disposition, Event, Role, Status, User
from app.policy import Decision, Verb
from app.rows import Cases
from app.ui import alert, base, forms, integrity, queue, sign_in, tables, timeline, words

AT_ONCE = 50  # events of a timeline


def open_other(case_id: str) -> None:
    st.session_state["case_id"] = case_id


def take(actor: User, case: Case, token: str) -> None:
    """In a button's callback: the case becomes the actor's own."""
    forms.send(
        actor,
        f"take {case.case_id}",
        "Case assigned to you.",
        lambda: casework.assign(
            base.desk(), actor.user_id, case.case_id, actor.user_id, form=token, seen=case.head_hash
        ),
    )


def show_hands(actor: User, case: Case, before: str | None, after: str | None) -> None:
    """What an analyst does all day, each with a key of its own."""
    help_text = f"In the queue: {words.plain(queue.shown_last().words)}"
    st.button(
        "Previous",
        on_click=open_other,
        args=(before,),
        disabled=before is None,
        icon=":material/chevron_left:",
        shortcut="K",
        help=help_text,
    )
    st.button(
        "Next",
        on_click=open_other,
        args=(after,),
        disabled=after is None,
        icon=":material/chevron_right:",
        icon_position="right",
        shortcut="J",
        help=help_text,
    )
    refusal = policy.why_not(Verb.ASSIGN, actor, case)
    if case.owner == actor.user_id:
        refusal = "The case is yours already."
    token = forms.form_token(f"take {case.case_id}")
    st.button(
        "Assign to me",
        on_click=take,
        args=(actor, case, token),
        disabled=bool(refusal),
        key=f"take {token}",
        icon=":material/person_add:",
        shortcut="A",
        help=refusal,
    )
    st.space("stretch")
    queue.next_case_button(actor, open_other)


def show_header(case: Case, events: list[Event], names: dict[str, User], verified: verification.Verified) -> None:
    now = datetime.now(UTC)
    closed = case.status is Status.CLOSED
    badges = [(words.RISK_COLOUR[case.risk], words.risk_text(case)), ("gray" if closed else "blue", case.status.value)]
    if case.disposition:
        badges.append((words.DISPOSITION_COLOUR[case.disposition], case.disposition.value))
    text, tone = words.due_text(case, now)
    if not closed or policy.is_overdue(case, now):
        badges.append((words.DUE_COLOUR.get(tone, "gray"), text if tone else f"Due {text}"))
    if verified.intact:
        badges.append(("green", f":material/verified: Chain intact, {words.count(verified.events, 'event')}"))
    else:
        badges.append(("red", f":material/gpp_bad: Chain broken, {words.count(len(verified.breaks), 'break')}"))
    with st.container(horizontal=True, vertical_alignment="center", key="title"):
        st.title(words.plain(case.case_id), anchor=False, width="content")
        st.markdown("  ".join(f":{colour}-badge[{text}]" for colour, text in badges), width="content")
    if lead := policy.ahead(events, now):
        st.warning(
            f"The newest event is dated {words.duration(lead)} ahead of now: a machine's clock was wrong. Until then, "
            "what is done here gets the same date, with the real one beside it in the timeline.",
            icon=":material/update:",
        )
    for found in verified.breaks:
        if found.event_id is None:
            st.error(f"The case row was changed outside the desk. {words.plain(words.break_text(found))}")
    moved = evidence.read(events).flow()
    rows: list[tables.Fact] = [
        ("Customer", case.customer_name),
        ("Customer id", case.customer_id),
        ("Typology", case.typology),
        ("Alerted activity", f"{money.text(case.amount, case.currency)} ({moved.is_of(case.amount)})"),
        ("Money in", money.text(moved.paid_in, case.currency) if moved.credits else ""),
        ("Money out", money.text(moved.paid_out, case.currency) if moved.debits else ""),
        ("Net", moved.net(case.currency)),
        ("Owner", words.name_of(case.owner, names)),
        ("Opened", case.opened_at),
        ("Age", words.age(case, now)),
        ("Due", case.due_at),
        ("Closed", case.closed_at),
    ]
    if case.determined_at is not None:
        known = policy.suspect_known(events)
        due = words.day(policy.sar_due_at(case.determined_at, known)) + ("" if known else " (no suspect identified)")
        rows += [("Suspicion determined", words.day(case.determined_at)), ("SAR due", due)]
    if case.qa_result:
        rows.append(("QA", f"{case.qa_result} by {words.name_of(case.qa_reviewer, names)}"))
    tables.facts(rows)


@st.fragment
def show_timeline(case: Case, events: list[Event], names: dict[str, User], verified: verification.Verified) -> None:
    """The first events at once, all on demand; all where the chain is broken, so that no break stays out of sight."""
    sign_in.check_admitted()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Timeline", anchor=False, width="content")
        first = st.segmented_control(
            "Order of the timeline",
            ["Newest first", "Oldest first"],
            default="Newest first",
            required=True,
            key="timeline_order",
            label_visibility="collapsed",
        )
    ordered = events if first == "Oldest first" else events[::-1]
    if verified.intact and st.session_state.get("whole timeline") != case.case_id:
        ordered = ordered[:AT_ONCE]
    timeline.show(ordered, names, key="timeline", breaks=verified.breaks)
    if len(ordered) < len(events):
        st.html(
            f"<p class='on-paper'>The {AT_ONCE} events above are not all {len(events):,}: show all, then print.</p>"
        )
        st.button(
            f"Show all {words.count(len(events), 'event')}",
            on_click=st.session_state.update,
            kwargs={"whole timeline": case.case_id},
            icon=":material/expand_more:",
        )


def note_form(actor: User, case: Case, names: dict[str, User]) -> None:
    name = f"note {case.case_id}"
    token = forms.form_token(name)

    def add() -> None:
        text = st.session_state[f"note {token}"]
        forms.send(
            actor,
            name,
            "Note added.",
            lambda: casework.add_note(base.desk(), actor.user_id, case.case_id, text, form=token),
        )

    refusal = policy.why_not(Verb.NOTE, actor, case)
    with forms.form_place(name, names) as tell, st.form(f"note form {token}", border=False):
        forms.typed_text("Note", f"note {token}", refusal, "What you found, and where")
        tell("text", f"note {token}")
        st.form_submit_button("Add note", on_click=add, disabled=bool(refusal), icon=":material/add_comment:")
    forms.show_refusal(refusal)


def assign_form(actor: User, case: Case, names: dict[str, User]) -> None:
    name = f"assign {case.case_id}"
    token = forms.form_token(name)
    seen = case.head_hash

    def assign() -> None:
        receiver = st.session_state[f"receiver {token}"]
        forms.send(
            actor,
            name,
            lambda _: f"Case assigned to {names[receiver].name}.",
            lambda: casework.assign(base.desk(), actor.user_id, case.case_id, receiver, form=token, seen=seen),
        )

    receivers = [person.user_id for person in names.values() if not policy.why_not_receive(actor, case, person)]
    refusal = policy.why_not(Verb.ASSIGN, actor, case) or (None if receivers else "There is nobody else to take it.")
    with forms.form_place(name, names) as tell, st.form(f"assign form {token}", border=False):
        st.selectbox(
            "New owner",
            receivers if not refusal else [],
            format_func=lambda user_id: f"{names[user_id].name}, {names[user_id].role}",
            index=None,
            placeholder="Choose who",
            key=f"receiver {token}",
            disabled=bool(refusal),
        )
        tell("receiver", f"receiver {token}")
        st.form_submit_button("Assign", on_click=assign, disabled=bool(refusal), icon=":material/person_add:")
    forms.show_refusal(refusal)


def decision_form(actor: User, case: Case, names: dict[str, User]) -> None:
    """Nothing is chosen in it beforehand: the button beside it closes the case."""
    name = f"decision {case.case_id}"
    token = forms.form_token(name)
    no_decision = policy.why_not(Verb.DECIDE, actor, case)
    no_escalation = policy.why_not(Verb.ESCALATE, actor, case)
    choices = [Disposition.NO_SAR.value, Disposition.SAR.value, Disposition.ESCALATE.value]
    with forms.form_place(name, names) as tell:
        neither = bool(no_decision and no_escalation)
        shown = st.segmented_control("Disposition", choices, key=f"disposition {token}", disabled=neither)
        # Drawn always: so the form below keeps its place, and with it what is being typed there.
        tell("" if shown else "disposition", f"disposition {token}")
        chosen = Disposition(shown or "")
        refusal = no_escalation if chosen is Disposition.ESCALATE else no_decision
        with st.form(f"decision form {token}", border=False):
            forms.typed_text("Rationale", f"rationale {token}", refusal, "Why, from the evidence")
            tell("rationale", f"rationale {token}")
            if chosen is Disposition.SAR:
                determination_fields(case, token, bool(refusal), tell)
            if chosen is Disposition.ESCALATE:
                st.selectbox(
                    "To Manager",
                    [person.user_id for person in names.values() if policy.can_take_escalation(actor, person)],
                    format_func=lambda user_id: names[user_id].name,
                    index=None,
                    placeholder="Choose who",
                    key=f"manager {token}",
                    disabled=bool(refusal),
                )
                tell("escalate_to", f"manager {token}")
            st.form_submit_button(
                {Disposition.NONE: "Decide", Disposition.ESCALATE: "Escalate"}.get(chosen, f"Close as {chosen}"),
                type="primary",
                on_click=send_decision,
                args=(actor, case, names, chosen, token),
                disabled=bool(refusal),
                icon=":material/gavel:",
            )
    forms.show_refusal(refusal)


def determination_fields(case: Case, token: str, disabled: bool, tell: forms.Tell) -> None:
    """From when the filing clock of a SAR runs, and how long."""
    today = words.local(datetime.now(UTC)).date()
    st.date_input(
        "Suspicion determined on",
        None,
        min_value=min(words.local(case.opened_at).date(), today),
        max_value=today,
        key=f"determined {token}",
        disabled=disabled,
        help="When someone first concluded that there is reason to suspect. The filing clock starts here.",
    )
    tell("determined_at", f"determined {token}")
    st.checkbox("No suspect identified (60 days to file instead of 30)", key=f"no suspect {token}", disabled=disabled)


def send_decision(actor: User, case: Case, names: dict[str, User], chosen: Disposition, token: str) -> None:
    """In a button's callback."""
    state = st.session_state
    determined = state.get(f"determined {token}") if chosen is Disposition.SAR else None
    manager = state.get(f"manager {token}") if chosen is Disposition.ESCALATE else None
    decision = Decision(
        chosen,
        state[f"rationale {token}"],
        determined_at=determined,
        zone=words.zone(),
        suspect_known=not state.get(f"no suspect {token}", False),
        escalate_to=manager,
    )
    forms.send(
        actor,
        f"decision {case.case_id}",
        f"Escalated to {names[manager].name}." if manager else f"Disposition set: {chosen}.",
        lambda: casework.set_disposition(
            base.desk(),
            actor.user_id,
            case.case_id,
            decision,
            form=token,
            seen=case.head_hash,
        ),
    )


def reopen_form(actor: User, case: Case, names: dict[str, User]) -> None:
    name = f"reopen {case.case_id}"
    token = forms.form_token(name)
    seen = case.head_hash

    def reopen() -> None:
        reason = st.session_state[f"reason {token}"]
        forms.send(
            actor,
            name,
            "Case reopened.",
            lambda: casework.reopen(base.desk(), actor.user_id, case.case_id, reason, form=token, seen=seen),
        )

    refusal = policy.why_not(Verb.REOPEN, actor, case)
    with forms.form_place(name, names) as tell, st.form(f"reopen form {token}", border=False):
        forms.typed_text("Reason to reopen", f"reason {token}", refusal)
        tell("reason", f"reason {token}")
        st.form_submit_button("Reopen", on_click=reopen, disabled=bool(refusal), icon=":material/restart_alt:")
    forms.show_refusal(refusal)


HASHES, ROW, CHECKPOINT = "Hashes and links", "Old values and the case row", "The signed checkpoint"


def attempt(case: tampering.Copy) -> tampering.Copy | None:
    """The copy after what the presenter chose to do to it; None where nothing is chosen yet."""
    if not case.events:
        st.caption("There is no event left to do anything to.")
        return None
    attack = st.segmented_control("What to do to the history", [CHANGE, DELETE, SWAP, CUT, REWRITE], key="attack")
    if attack is None:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", key="attempt"):
        labels = [
            words.shown(f"{place}. {timeline.LABELS.get(event.action, event.action)}, {str(event.ts)[:10]}")
            for place, event in enumerate(case.events, 1)
        ]
        done = [place for place, event in enumerate(case.events) if event.action not in policy.LOOKS]
        decided = [place for place in done if case.events[place].action == Action.DISPOSITION]
        first = max(decided or done, default=len(labels) - 1)
        label = st.selectbox("Event", labels, first, key=f"event {case.case_id}")
        place = labels.index(label)
        if attack == SWAP:
            other = st.selectbox("With", labels, key=f"other {case.case_id}")
            return tampering.swap(case, place, labels.index(other))
        if attack in (CHANGE, REWRITE):
            fields = tampering.FIELDS if attack == CHANGE else tampering.FIELDS[:5]
            field = st.selectbox("Field", fields, fields.index("notes"), key=f"field {attack}")
            stored = words.shown(getattr(case.events[place], field))
            value = st.text_input("To", f"{stored}." if field == "notes" else stored, key=f"to {label} {field}")
            return (tampering.change if attack == CHANGE else tampering.rewrite)(case, place, field, value)
    return (tampering.delete if attack == DELETE else tampering.cut)(case, place)


def show_check(check: str, breaks: Sequence[Break]) -> None:
    """Whether a check found something, and the first of what it found."""
    if not breaks:
        st.markdown(f":gray-badge[:material/visibility_off: finds nothing] **{check}**")
        return
    first, more = breaks[0], f", and {len(breaks) - 1} more" if len(breaks) > 1 else ""
    expected, found = (
        words.plain(text if len(text) < 24 else f"{text[:16]}…") for text in (first.expected, first.found)
    )
    where = words.plain(f"{first.where}: {first.kind}, {first.field}")
    st.markdown(
        f":green-badge[:material/gpp_maybe: caught] **{check}** at {where}, expected {expected}, found {found}{more}"
    )


def show_verdict(found: dict[str, list[Break]], anchored: bool) -> None:
    caught = [check for check, breaks in found.items() if breaks]
    anchor = ":material/anchor:"
    if caught == [CHECKPOINT]:
        st.info("Only the signed checkpoint catches this: chain and row agree with each other.", icon=anchor)
    elif caught:
        st.success(f"Caught by {' and '.join(caught).lower()}.", icon=":material/gpp_maybe:")
    elif anchored:
        st.warning("Nothing catches this: it touches only events after the newest checkpoint.", icon=anchor)
    else:
        st.warning(f"Nothing catches this without a checkpoint. Make one: {RUN} checkpoint", icon=anchor)


def try_to_break(case_id: str, events: list[Event], names: dict[str, User]) -> None:
    """For presenters: change the history on a copy, and see which check catches it."""
    st.caption("Works on a copy in memory and writes nothing: be the one who rules the database.")
    _, _, row = base.desk().read(lambda tx: repository.chains_of(tx, case_id))[0]
    try:
        changed = attempt(tampering.Copy(case_id, tuple(events), row or {}))
    except (TypeError, UnicodeEncodeError):
        st.warning(
            "An event from there on holds what is no text, and has no hash to compute.", icon=":material/gpp_bad:"
        )
        return
    if changed is None:
        return
    if st.checkbox(
        "Make the case row agree with it", key="agree", help="Count, head and columns, as a careful forger."
    ):
        changed = tampering.agree(changed)
    if changed.events == tuple(events):
        st.caption("That changes nothing.")
        return
    links = chain.verify_links(case_id, changed.events)
    anchor = integrity.newest_checkpoint()
    now = iter([(event.event_id or 0, event.case_id, event.event_hash) for event in changed.events])
    then = iter(proofs.lines_of(anchor, case_id) if anchor else ())
    found = {
        HASHES: links,
        ROW: [one for one in changed.breaks() if one not in links],
        CHECKPOINT: list(checkpoint.differences(now, then)),
    }
    show_verdict(found, anchor is not None)
    for check, breaks in found.items():
        show_check(check, breaks)
    timeline.show(changed.events, names, key="tampered", breaks=[one for breaks in found.values() for one in breaks])


actor, names = sign_in.actor(), base.people()

find = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="find")
with find:
    st.page_link(base.TRIAGE, label="Queue", icon=":material/arrow_back:", query_params=st.session_state.get("view"))
    case_id = forms.case_id_input()
outcome = st.container()
if not case_id:
    base.name_tab("Case")
    with find:
        queue.next_case_button(actor, open_other)
    forms.show_outcome(names, outcome)
    st.info("Open a case from Triage, or type its id above.")
    st.stop()


def read(tx: Transaction) -> tuple[Case, list[repository.Chain], Cases, str | None, str | None]:
    found, walked = repository.case(tx, case_id), queue.shown_last()
    before, after = (triage_query.neighbour(tx, walked.now(), walked.order, case_id, back) for back in (True, False))
    others = repository.other_cases(tx, found.customer_id, case_id)
    return found, repository.chains_of(tx, case_id), others, before, after


try:
    case, chains, others, before, after = base.desk().read(read)
    events = repository.events_of(chains)
    if base.look(actor, case_id, events):
        case, chains, others, before, after = base.desk().read(read)
        events = repository.events_of(chains)
except UnknownCase as error:
    base.name_tab("Case")
    forms.show_outcome(names, outcome)
    st.warning(words.plain(error))
    st.stop()
except BrokenCase as error:
    base.name_tab(case_id)
    forms.show_outcome(names, outcome)
    events = base.desk().read(lambda tx: repository.events(tx, case_id))
    base.look(actor, case_id, events)
    base.sar_banner(events)
    st.error(words.plain(error), icon=":material/gpp_bad:")
    for found in verification.verify_case(base.desk(), case_id).breaks:
        st.text(str(found))
    st.stop()
# What is shown is what was verified: both are of one reading.
verified = verification.verify_chains(chains)
base.name_tab(case_id)

with find:
    show_hands(actor, case, before, after)
base.sar_banner(events)
show_header(case, events, names, verified)

grid = st.grid(3, min_column_width=280, gap="medium")
with grid.cell(column_span=2), st.container(key="evidence"):
    alert.show(events, case.currency)
with grid.cell():
    with st.container(border=True, key="actions"):
        first = st.session_state.get("hands")  # where the guided demo speaks of one
        tabs = st.tabs(["Note", "Assign", "Decide", "Reopen"], default=first, key=f"hands-{first}")
        note, assign, decide, reopen = tabs
        with note:
            note_form(actor, case, names)
        with assign:
            assign_form(actor, case, names)
        with decide:
            decision_form(actor, case, names)
        with reopen:
            reopen_form(actor, case, names)
    st.subheader("Other cases of this customer", anchor=False)
    tables.show_broken(others)
    if not others and not others.broken:
        st.caption("None.")
    if others:
        columns = ("case", "typology", "status", "disposition")
        tables.case_table("Other cases of this customer", others, columns, names, key="others")
with grid.cell(column_span=2):
    show_timeline(case, events, names, verified)
    if base.desk().is_embedded or actor.role is Role.MANAGER:
        panel = st.expander("Try to break it", icon=":material/bolt:", key="try", on_change="rerun")
        if panel.open:
            with panel:
                try_to_break(case_id, events, names)
forms.show_outcome(names, outcome)
