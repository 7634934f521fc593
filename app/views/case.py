"""Case: everything about one case, and what can be done with it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from app import casework, connected, evidence, policy, repository, rules, triage_query, unsent, verification
from app.database import Transaction
from app.demo import tamper_panel
from app.errors import BrokenCase, UnknownCase
from app.models import Case, Disposition, Event, Role, Status, User
from app.policy import Decision, Verb
from app.rows import Cases
from app.ui import alert, base, connected_panel, facts, forms, queue, sar_panel, sign_in, timeline, words
from app.ui.sar_forms import Scene
from app.ui.session import Session, mine

_hands = base.component("hands")

AT_ONCE = 50  # events of a timeline


class Found(NamedTuple):
    """What one reading says of the case."""

    case: Case
    chains: list[repository.Chain]
    kept: evidence.Kept
    known: dict[str, int]
    others: Cases
    prior_sars: Cases
    place: triage_query.Place
    unsent: Mapping[str, Mapping[str, Any]]


def open_other(case_id: str) -> None:
    """In a button's callback: another case in the place of this one."""
    mine.case_id = case_id


def take(case: Case, form: forms.Form) -> None:
    """In a button's callback: the case becomes the actor's own."""
    actor_id = form.actor.user_id
    form.send(
        "Case assigned to you.",
        lambda: casework.assign(base.desk(), actor_id, case.case_id, actor_id, form=form.token, seen=form.seen),
    )


def show_hands(actor: User, case: Case, place: triage_query.Place) -> None:
    """Draw what an analyst does all day, each with a key of its own."""
    queue.walk(actor, place, open_other)
    refusal = policy.why_not(Verb.ASSIGN, actor, case)
    if case.owner == actor.user_id:
        refusal = "The case is yours already."
    elif not refusal and rules.is_hand_over(actor, case, actor):
        refusal = "The case has an owner. Take it over under Assign, with a reason."
    form = forms.Form(actor, f"take {case.case_id}", seen=case.head_hash)
    st.button(
        "Assign to me",
        on_click=take,
        args=(case, form),
        disabled=bool(refusal),
        key=f"take {form.token}",
        icon=":material/person_add:",
        shortcut="A",
        help=refusal,
    )
    st.space("stretch")
    queue.next_case_button(actor, open_other)


def show_header(case: Case, events: list[Event], verified: verification.Verified) -> None:
    now = datetime.now(UTC)
    closed = case.status is Status.CLOSED
    badges = [(words.RISK_COLOUR[case.risk], words.risk_text(case)), ("gray" if closed else "blue", case.status.value)]
    if case.disposition:
        badges.append((words.DISPOSITION_COLOUR[case.disposition], words.decided(case)))
    text, tone = words.due_text(case, now)
    if not closed or tone in words.DUE_COLOUR or policy.is_overdue(case, now):
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
            st.error(f"The {found.where} was changed outside the desk. {words.plain(words.break_text(found))}")


def show_evidence(read: Found) -> None:
    with st.container(key="evidence"):
        facts.show_customer(read.case, read.kept, read.others, read.prior_sars)
        alert.show(read.kept, read.case, read.known)


@st.fragment
def show_timeline(case: Case, events: list[Event], names: dict[str, User], verified: verification.Verified) -> None:
    """Show the first events, and all on demand; all where the chain is broken, so that no break stays out of sight."""
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
    if verified.intact and mine.whole_timeline != case.case_id:
        ordered = ordered[:AT_ONCE]
    timeline.show(ordered, names, key="timeline", breaks=verified.breaks, case_id=case.case_id)
    if len(ordered) < len(events):
        st.html(
            f"<p class='on-paper'>The {AT_ONCE} events above are not all {len(events):,}: show all, then print.</p>"
        )
        st.button(
            f"Show all {words.count(len(events), 'event')}",
            on_click=mine.put,
            args=({Session.whole_timeline: case.case_id},),
            icon=":material/expand_more:",
        )


def show_attack(actor: User, case: Case, events: list[Event], names: dict[str, User]) -> None:
    """Draw, to those who may try, what a forger could do to a copy of the case."""
    if base.desk().is_embedded or actor.role is Role.MANAGER:
        panel = st.expander("Try to break it", icon=":material/bolt:", key=Session.tampering.key, on_change="rerun")
        if panel.open:
            with panel:
                tamper_panel.show(case.case_id, events, names)


def show_actions(scene: Scene) -> None:
    """Draw what can be done with the case: beside what is known of it or, where there is no room, a bar at the foot."""
    actor, case, names = scene.actor, scene.case, scene.names
    forms_of: dict[str, Callable[[], None]] = {
        "Note": lambda: note_form(actor, case, names),
        "Assign": lambda: assign_form(actor, case, names),
        "Decide": lambda: decision_form(actor, case, scene.events, names),
        "Reopen": lambda: reopen_form(actor, case, names),
    }
    if step := sar_panel.next_step(case):
        forms_of = {step: lambda: sar_panel.bring_on(scene), **forms_of}
    first = mine.hands  # where the guided demo speaks of one
    with st.container(border=True, key="actions"):
        tabs = st.tabs(list(forms_of), default=first, key=f"hands-{first}-{step}")
        for tab, draw in zip(tabs, forms_of.values(), strict=True):
            with tab:
                draw()
        data: dict[str, Any] = {"case": case.case_id, "opens": first}
        for newest in scene.events[-1:]:  # of a damaged database there may be none
            did = timeline.LABELS.get(newest.action, words.shown(newest.action))
            is_own = newest.user == actor.user_id and newest.action not in policy.LOOKS
            data |= {"event": newest.event_id, "added": f"You {did}", "isOwn": is_own}
        _hands(data=data, key="bar")


def note_form(actor: User, case: Case, names: Mapping[str, User]) -> None:
    form = forms.Form(actor, f"note {case.case_id}", names, policy.why_not(Verb.NOTE, actor, case))

    def add() -> None:
        text = form.value("text")
        form.send(
            "Note added.",
            lambda: casework.add_note(base.desk(), actor.user_id, case.case_id, text, form=form.token),
        )

    with form.place(), form.box():
        form.text("Note", "text", "What you found, and where")
        form.button("Add note", add, ":material/add_comment:")


def assign_form(actor: User, case: Case, names: Mapping[str, User]) -> None:
    receivers = [person.user_id for person in names.values() if not policy.why_not_receive(actor, case, person)]
    refusal = policy.why_not(Verb.ASSIGN, actor, case) or (None if receivers else "There is nobody else to take it.")
    form = forms.Form(actor, f"assign {case.case_id}", names, refusal, case.head_hash)

    def assign() -> None:
        receiver, reason = form.value("receiver"), form.value("reason")
        form.send(
            lambda _: f"Case assigned to {names[receiver].name}.",
            lambda: casework.assign(
                base.desk(), actor.user_id, case.case_id, receiver, reason, form=form.token, seen=form.seen
            ),
        )

    with form.place(), form.box():
        form.person("New owner", "receiver", receivers if not refusal else [], lambda one: f"{one.name}, {one.role}")
        form.text("Reason", "reason", "Why it changes hands; it stands in the history", 80)
        form.button("Assign", assign, ":material/person_add:")


def decision_form(actor: User, case: Case, events: Sequence[Event], names: Mapping[str, User]) -> None:
    """Draw it with nothing chosen beforehand: the button beside it closes the case."""
    no_decision = policy.why_not(Verb.DECIDE, actor, case)
    no_escalation = policy.why_not(Verb.ESCALATE, actor, case)
    form = forms.Form(actor, f"decision {case.case_id}", names, seen=case.head_hash)
    choices = [Disposition.NO_SAR.value, Disposition.SAR.value, Disposition.ESCALATE.value]
    with form.place():
        neither = bool(no_decision and no_escalation)
        shown = st.segmented_control("Disposition", choices, key=form.choice("disposition", choices), disabled=neither)
        # Drawn always: so the form below keeps its place, and with it what is being typed there.
        form.tell("disposition", is_right=bool(shown))
        chosen = Disposition(shown or "")
        form.refusal = no_escalation if chosen is Disposition.ESCALATE else no_decision
        with form.box():
            form.text("Rationale", "rationale", "Why, from the evidence")
            if chosen is Disposition.SAR:
                determination_fields(case, form, is_second=policy.has_sar_decision(events))
            if chosen is Disposition.ESCALATE:
                managers = [person.user_id for person in names.values() if policy.can_take_escalation(actor, person)]
                form.person("To Manager", "escalate_to", managers, lambda one: one.name)
            form.button(
                {Disposition.NONE: "Decide", Disposition.ESCALATE: "Escalate"}.get(chosen, f"Close as {chosen}"),
                partial(send_decision, actor, case, names, chosen, form),
                ":material/gavel:",
                is_primary=True,
            )


def determination_fields(case: Case, form: forms.Form, is_second: bool) -> None:
    """Draw what says from when the filing clock of a SAR runs, and how long.

    `is_second` says that the case was decided as a SAR before.
    """
    today = words.local(datetime.now(UTC)).date()
    disabled = bool(form.refusal)
    form.day(
        "Suspicion determined on",
        "determined_at",
        today,
        about="When someone first concluded that there is reason to suspect. The filing clock starts here.",
    )
    st.text_input(
        f"Who knew, if before {words.local(case.opened_at):%Y-%m-%d}",
        key=form.key("source", str),
        disabled=disabled,
        placeholder="Branch, Fraud, law enforcement",
        max_chars=200,
        help="The case was opened that day. Where somebody else had reason to suspect earlier, the clock starts there.",
    )
    form.tell("source")
    if is_second:
        form.text("Why that day, where it is later than the one decided before", "later_because", height=80)
    label = "No suspect identified (60 days to file instead of 30)"
    st.checkbox(label, key=form.key("no_suspect", bool), disabled=disabled)


def send_decision(actor: User, case: Case, names: Mapping[str, User], chosen: Disposition, form: forms.Form) -> None:
    """In a button's callback: decide the case as chosen."""
    determined = form.value("determined_at") if chosen is Disposition.SAR else None
    manager = form.value("escalate_to") if chosen is Disposition.ESCALATE else None
    decision = Decision(
        chosen,
        form.value("rationale"),
        determined_at=determined,
        zone=words.zone(),
        suspect_known=not form.value("no_suspect"),
        escalate_to=manager,
        source=form.value("source") or "",
        later_because=form.value("later_because") or "",
    )
    form.send(
        f"Escalated to {names[manager].name}." if manager else f"Disposition set: {chosen}.",
        lambda: casework.set_disposition(
            base.desk(),
            actor.user_id,
            case.case_id,
            decision,
            form=form.token,
            seen=form.seen,
        ),
    )


def reopen_form(actor: User, case: Case, names: Mapping[str, User]) -> None:
    refusal = policy.why_not(Verb.REOPEN, actor, case)
    form = forms.Form(actor, f"reopen {case.case_id}", names, refusal, case.head_hash)

    def reopen() -> None:
        reason = form.value("reason")
        form.send(
            "Case reopened.",
            lambda: casework.reopen(base.desk(), actor.user_id, case.case_id, reason, form=form.token, seen=form.seen),
        )

    with form.place(), form.box():
        form.text("Reason to reopen", "reason")
        form.button("Reopen", reopen, ":material/restart_alt:")


actor, names = sign_in.actor(), base.people()

find = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="find")
with find:
    st.page_link(base.TRIAGE, label="Queue", icon=":material/arrow_back:", query_params=mine.view)
    case_id = forms.case_id_input()
outcome = st.container()
if not case_id:
    base.name_tab("Case")
    with find:
        queue.next_case_button(actor, open_other)
    forms.show_outcome(names, outcome)
    st.info("Open a case from Triage, or type its id above.")
    st.stop()


def read(tx: Transaction) -> Found:
    found, walked = repository.case(tx, case_id), mine.queue
    place = triage_query.place(tx, walked.now(), walked.order, case_id)
    others = repository.other_cases(tx, found.customer_id, case_id)
    prior_sars = repository.prior_sars(tx, found.customer_id, case_id)
    chains = repository.chains_of(tx, case_id)
    kept = evidence.read(repository.events_of(chains))
    known = connected.known(tx, case_id, {row.counterparty for row in kept.transactions})
    typed = unsent.kept(tx, actor.user_id, case_id)
    return Found(found, chains, kept, known, others, prior_sars, place, typed)


try:
    reading = base.desk().read(read)
    if base.look(actor, case_id, repository.events_of(reading.chains)):
        reading = base.desk().read(read)
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
case, events = reading.case, repository.events_of(reading.chains)
# What is shown is what was verified: both are of one reading.
verified = verification.verify_chains(reading.chains)
base.name_tab(case_id)

forms.recall(actor, case_id, reading.unsent)
scene = Scene(actor, case, events, names)

with find:
    show_hands(actor, case, reading.place)
with st.container(key="case"):
    with st.container(key="known"):
        base.sar_banner(events)
        left = st.container()
        show_header(case, events, verified)
        facts.show_case(case, reading.kept, names, datetime.now(UTC))
        if sar_panel.belongs(case, events):
            sar_panel.show(scene, reading.prior_sars, partial(show_evidence, reading))
        else:
            show_evidence(reading)
        connected_panel.show(case, reading.kept, open_other)
        show_attack(actor, case, events, names)
    with st.container(key="side"):
        show_actions(scene)
        with st.container(key="trail"):
            show_timeline(case, events, names, verified)
forms.show_left(left)
forms.show_outcome(names, outcome)
