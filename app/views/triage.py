"""Triage: which case comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app import casework, policy, rules, triage_query
from app.models import Case, Disposition, Risk, Role, Status, User
from app.policy import Verb
from app.triage_query import COUNT_LIMIT, Filters, Keyset, Order, Page, Sars
from app.ui import base, counts, forms, queue, sign_in, tables, words
from app.ui.counts import Tile, shown
from app.ui.session import ANY, ANYONE, DUE_FIRST, FILTERS, OPEN, TRIAGE, Kept, Queue, Session, mine

ME, UNASSIGNED = "Me", "Unassigned"
SAR_DUE = "SAR due"
ORDERS = {
    DUE_FIRST: Order.DUE,
    SAR_DUE: Order.SAR_DUE,
    "Risk": Order.RISK,
    "Amount": Order.AMOUNT,
    "Oldest first": Order.AGE,
    "Due last": Order.LATEST_DUE,
    "SAR due last": Order.LATEST_SAR_DUE,
    "Lowest risk": Order.LOWEST_RISK,
    "Least amount": Order.LEAST_AMOUNT,
    "Newest first": Order.NEWEST,
}
ORDER_NAMES = {order: name for name, order in ORDERS.items()}
ORDER_WORDS = {
    Order.DUE: "due first",
    Order.SAR_DUE: "by the day on which the SAR is due",
    Order.RISK: "highest risk first",
    Order.AMOUNT: "largest number first, whatever the currency",
    Order.AGE: "oldest first",
    Order.LATEST_DUE: "due last",
    Order.LATEST_SAR_DUE: "by the day on which the SAR is due, the latest first",
    Order.LOWEST_RISK: "lowest risk first",
    Order.LEAST_AMOUNT: "smallest number first, whatever the currency",
    Order.NEWEST: "newest first",
}
HEADS = {
    "risk": (Order.RISK, Order.LOWEST_RISK),
    "amount": (Order.AMOUNT, Order.LEAST_AMOUNT),
    "age": (Order.AGE, Order.NEWEST),
    "due": (Order.DUE, Order.LATEST_DUE),
    "sar_due": (Order.SAR_DUE, Order.LATEST_SAR_DUE),
}
"""By column the orders that a click on its head asks for, the first click and the next.

The others have no order that helps: ids are drawn by chance; a customer is found by search, and by name would need a
column of names as they are sorted; typology, owner and status are few words, which the filters tell apart.
"""
DESCENDING = {Order.RISK, Order.AMOUNT, Order.AGE, Order.LATEST_DUE, Order.LATEST_SAR_DUE}  # as the column is read
SELECTION = "selection"  # the form of the cases that are ticked
SAR_TILES = (Sars.TO_DRAFT, Sars.TO_APPROVE, Sars.TO_FILE, Sars.DUE, Sars.LATE)
COLUMNS = ("case", "customer", "typology", "risk", "amount", "age", "due", "owner", "state")
OF_SARS = tuple("sar_due" if column == "due" else column for column in COLUMNS)
VIEW = (*(one.key for one in TRIAGE), "page")
"""What the address holds: the filters, and where the page begins or ends: `after-` or `before-` a case."""


def first_page() -> None:
    """In a callback: the list from its beginning, as after any change of a filter."""
    st.query_params.pop("page", None)


def set_filters(filters: Mapping[Kept[Any], str | bool]) -> None:
    """In a callback: these filters, and no others."""
    mine.put({one: filters.get(one, one.default) for one in FILTERS})
    fit_order()


def fit_order() -> None:
    """In a callback, where SARs were asked for or no longer are: in the order of their days, where they have one."""
    with_days = mine.sars not in (ANY, Sars.NOT_KEPT)
    if ORDERS[mine.order].column == (Order.DUE if with_days else Order.SAR_DUE).column:
        mine.order = SAR_DUE if with_days else DUE_FIRST
    first_page()


def sort_by(column: str) -> None:
    """In a callback: in the order of this column, or in the other one where it is sorted by that already."""
    first, other = HEADS[column]
    mine.order = ORDER_NAMES[other if ORDERS[mine.order] is first else first]
    first_page()


def turn_page(keyset: Keyset | None) -> None:
    """In a callback: the page that begins or ends there."""
    st.query_params["page"] = str(keyset)


def queue_words(whose: str, risk: str, kind: Sequence[str], overdue: bool, search: str, order: Order) -> str:
    """Return what the list holds, in words: `whose` cases, of which `kind`, in which order."""
    told = [
        whose,
        "" if risk == ANY else f"{risk.lower()} risk",
        *(words.shown(one) for one in kind if one != ANY),
        "overdue" if overdue else "",
        f"“{search.strip()}”" if search.strip() else "",
        ORDER_WORDS[order],
    ]
    return ", ".join(word for word in told if word)


def whose_words(owner: str, closed: bool, names: Mapping[str, User]) -> str:
    """Return in words whose cases the list holds: a person's, by id, or one of the other choices of an owner."""
    told = {ANYONE: "All" if closed else "All open", ME: "Mine", UNASSIGNED: "Unassigned"}
    return told.get(owner) or words.name_of(owner, names)


def show_toolbar(actor: User, names: dict[str, User], page: Page, form: forms.Form) -> None:
    """Draw the bar above the table: the place in the list or the cases that are ticked, and the pages beside it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="toolbar"):
        show_place(actor, names, page, form)
        with st.container(horizontal=True, width="content", gap="xsmall", key="pager"):
            st.button(
                "Previous page",
                icon=":material/chevron_left:",
                disabled=not page.has_previous,
                on_click=turn_page,
                args=(page.before,),
            )
            st.button(
                "Next page",
                icon=":material/chevron_right:",
                icon_position="right",
                disabled=not page.has_next,
                on_click=turn_page,
                args=(page.after,),
            )


@st.fragment(key="place")
def show_place(actor: User, names: dict[str, User], page: Page, form: forms.Form) -> None:
    """Say where in the list this page is; where cases are ticked, what can be done with them, as they were shown."""
    sign_in.check_admitted()
    if chosen := tables.ticked("cases", form.token, page.cases):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="selection"):
            show_selection(actor, names, chosen, form)
        return
    first = page.position + 1
    last = page.position + len(page.cases) + len(page.cases.broken)
    place = f"{shown(first)} to {shown(last)}" if first <= COUNT_LIMIT else "beyond 10,000"
    st.markdown(f"Cases {place} of **{shown(page.total)}**{', open or closed, by its id' if page.by_id else ''}")


def show_selection(actor: User, names: dict[str, User], chosen: list[Case], form: forms.Form) -> None:
    st.markdown(f"**{len(chosen)} selected**", width="content")
    receivers = [
        user_id
        for user_id, person in names.items()
        if not any(policy.why_not_receive(actor, case, person) for case in chosen)
    ]
    mine = actor.user_id in receivers and not any(rules.is_hand_over(actor, case, actor) for case in chosen)
    st.button(
        "Assign to me",
        key=f"take {form.token}",
        on_click=assign_all,
        args=(actor, names, chosen, actor.user_id, form),
        icon=":material/person_add:",
        shortcut="A",
        disabled=not mine,
        help=None if mine else "At least one of them has an owner: choose who is to have them, and say why.",
    )
    if others := [user_id for user_id in receivers if user_id != actor.user_id or not mine]:
        receiver = st.selectbox(
            "Receiver",
            others,
            index=None,
            format_func=lambda user_id: f"{names[user_id].name}, {names[user_id].role}",
            placeholder="Someone else",
            label_visibility="collapsed",
            key=form.key("receiver"),
            width=170,
        )
        if receiver:
            st.text_input(
                "Reason",
                placeholder="Why",
                label_visibility="collapsed",
                key=form.key("reason"),
                max_chars=1000,
                width=150,
            )
        st.button(
            "Assign",
            key=f"assign {form.token}",
            on_click=assign_all,
            args=(actor, names, chosen, receiver, form),
            disabled=receiver is None,
        )
    st.button("Clear", key=f"clear {form.token}", on_click=clear, type="tertiary")


def assign_all(actor: User, names: dict[str, User], chosen: list[Case], receiver: str, form: forms.Form) -> None:
    """In a button's callback: all of them or, where one has changed since it was shown, none."""
    heads = [(case.case_id, case.head_hash) for case in chosen]
    whose = "yours" if receiver == actor.user_id else f"{names[receiver].name}’s"
    form.send(
        f"{words.count(len(heads), 'case')} {'is' if len(heads) == 1 else 'are'} now {whose}.",
        lambda: casework.assign_all(
            base.desk(), actor.user_id, heads, receiver, form.value("reason") or "", form=form.token
        ),
    )
    st.rerun()


def clear() -> None:
    """In a button's callback: nothing is ticked any more."""
    forms.clear(SELECTION)
    st.rerun()


# A second click on "Take new case" may draw this page again after the case was opened.
if taken := queue.just_taken():
    queue.open_case(taken)

if st.query_params.pop("closed", "") == "true":  # as addresses say it that were kept before one could choose a status
    mine.status = ANY

actor, names = sign_in.actor(), base.people()
now = datetime.now(UTC)

head = st.container(horizontal=True, key="counts")
forms.show_outcome(names)

with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="filters"):
    search = st.text_input(
        "Search",
        key=Session.search.key,
        type="search",
        live="300ms",
        bind="query-params",
        placeholder="Id, name, account, typology",
        max_chars=200,
        on_change=first_page,
        width=205,
    )
    owners = [ANYONE, ME, UNASSIGNED, *(user_id for user_id, person in names.items() if person.role is not Role.QA)]
    owner = st.selectbox(
        "Owner",
        owners,
        format_func=lambda owner: words.owner_label(names[owner]) if owner in names else owner,
        key=Session.owner.key,
        bind="query-params",
        on_change=first_page,
        width=150,
    )
    risk = st.selectbox(
        "Risk",
        [ANY, *(risk.value for risk in reversed(Risk))],
        key=Session.risk.key,
        bind="query-params",
        on_change=first_page,
        width=95,
    )
    typology = st.selectbox(
        "Typology",
        [ANY, *base.desk().read(triage_query.typologies, may_lag=True)],
        format_func=words.shown,
        key=Session.typology.key,
        bind="query-params",
        on_change=first_page,
        width=140,
    )
    disposition = st.selectbox(
        "Disposition",
        [ANY, *(one.value for one in (Disposition.SAR, Disposition.NO_SAR, Disposition.ESCALATE))],
        key=Session.disposition.key,
        bind="query-params",
        on_change=first_page,
        width=110,
    )
    sars = st.selectbox(
        "SAR",
        [ANY, *(one.value for one in Sars)],
        key=Session.sars.key,
        help="Late and due go by your calendar. Not recorded: decided before the desk kept what becomes of a SAR.",
        bind="query-params",
        on_change=fit_order,
        width=120,
    )
    order = st.selectbox(
        "Order",
        list(ORDERS),
        key=Session.order.key,
        bind="query-params",
        on_change=first_page,
        width=125,
    )
    asked = Filters(
        owner={ANYONE: None, ME: actor.user_id, UNASSIGNED: None}.get(owner, owner),
        unassigned=owner == UNASSIGNED,
        risk=None if risk == ANY else Risk(risk),
        typology="" if typology == ANY else typology,
        disposition=None if disposition == ANY else Disposition(disposition),
        sars=None if sars == ANY else Sars(sars),
        search=search,
    )
    implied = asked.holds_closed(ORDERS[order])
    status = st.selectbox(
        "Status",
        [OPEN, *(one.value for one in Status), ANY],
        key=Session.status.key,
        bind="query-params",
        on_change=first_page,
        disabled=implied,
        help="The list has closed cases anyway: a case is closed once it is decided." if implied else None,
        width=100,
    )
    overdue = st.toggle("Overdue", key=Session.overdue.key, bind="query-params", on_change=first_page)
    size = st.selectbox(
        "Rows", [25, 50, 100], key=Session.size.key, bind="query-params", on_change=first_page, width=75
    )

wanted, stated = asked, ""
if status == ANY:
    wanted = replace(asked, include_closed=not implied)
elif status != OPEN and not implied:
    wanted, stated = replace(asked, status=Status(status)), status.lower()
whose = whose_words(owner, bool(stated) or wanted.holds_closed(ORDERS[order]), names)
kind = (stated, typology, disposition, ANY if sars == ANY else f"SAR {sars.lower()}")
walked = Queue(wanted, overdue, ORDERS[order], queue_words(whose, risk, kind, overdue, search, ORDERS[order]))
# The place in the list is in the address alone, so that Back and Forward turn pages too.
keyset = triage_query.read_keyset(st.query_params.get("page", ""), walked.order)
mine.queue = walked
mine.view = {name: st.query_params[name] for name in VIEW if name in st.query_params}
filters = walked.now(now)
tiles = [
    Tile("Open", {}),
    Tile("Unassigned", {Session.owner: UNASSIGNED}, Filters(unassigned=True)),
    Tile("Overdue", {Session.overdue: True}, Filters(due_before=now)),
    Tile("High risk", {Session.risk: Risk.HIGH.value}, Filters(risk=Risk.HIGH)),
    Tile("Mine", {Session.owner: ME}, Filters(owner=actor.user_id)),
]
sar_tiles = [
    Tile(one.value.lower(), {Session.sars: one.value}, Filters(sars=one, day=words.day_of(now)), Order.SAR_DUE)
    for one in SAR_TILES
]
if not policy.why_not_take(actor):
    own: dict[Kept[Any], str | bool] = {Session.sars: Sars.UNDER_WAY.value, Session.owner: ME}
    sar_tiles.append(Tile("yours", own, Filters(owner=actor.user_id, sars=Sars.UNDER_WAY), Order.SAR_DUE))
page, counted = base.desk().read(
    lambda tx: (
        triage_query.triage_page(tx, filters, walked.order, size, keyset),
        {tile.label: triage_query.count(tx, tile.filters, tile.order) for tile in (*tiles, *sar_tiles)},
    ),
    may_lag=True,
)

by_sar = walked.order.by_sar  # which lists SARs alone, even where no filter asks for them
with head:
    st.title("Triage", anchor=False, width="content")
    listed = None if by_sar and filters.sars is None else filters
    counts.show({"": tiles, "SARs": sar_tiles}, counted, listed, set_filters)
    queue.next_case_button(actor)

tables.show_broken(page.cases)
if not page.after:
    is_filtered = by_sar or filters != Filters()
    st.info("No case matches these filters." if is_filtered else "There are no open cases.")
    if is_filtered:
        st.button("Clear the filters", on_click=set_filters, args=({},), icon=":material/filter_alt_off:")
    st.stop()

# Another list, or someone else who looks at it: nothing in it is ticked yet.
shown_to = (actor.user_id, walked, size, keyset)
if mine.listed != shown_to:
    mine.listed = shown_to
    forms.clear(SELECTION)
form = forms.Form(actor, SELECTION, names)

show_toolbar(actor, names, page, form)
refusals = {case.case_id: policy.why_not(Verb.ASSIGN, actor, case) for case in page.cases}
ticks = None if all(refusals.values()) else tables.Ticks(form.token, refusals, "place")
if page.cases:
    columns = OF_SARS if by_sar or sars not in (ANY, Sars.NOT_KEPT) else COLUMNS
    ways = {column: "none" for column in columns if column in HEADS}
    if (at := next((column for column in ways if walked.order in HEADS[column]), None)) is not None:
        ways[at] = "descending" if walked.order in DESCENDING else "ascending"
    sorting = tables.Sorting(ways, sort_by)
    tables.case_table("Cases in the queue", page.cases, columns, names, "cases", None, "", ticks, sorting, search)
