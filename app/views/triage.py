"""Triage: which case comes next."""

from datetime import UTC, datetime

import streamlit as st

from app import repository, sign_in, ui
from app.models import Risk, Role
from app.repository import COUNT_LIMIT, Filters, Keyset, Order

ANYONE, ME, UNASSIGNED = "Anyone", "Me", "Unassigned"
ANY_RISK = "Any"
ORDERS = {"Due first": Order.DUE, "Risk": Order.RISK, "Amount": Order.AMOUNT, "Age": Order.AGE}
COLUMNS = ("case", "customer", "typology", "risk", "amount", "age", "due", "owner", "status", "disposition")
NO_FILTER = {"owner": ANYONE, "risk": ANY_RISK, "overdue": False, "q": "", "closed": False}


def first_page() -> None:
    """Any change of a filter starts the list anew."""
    st.session_state["keyset"] = None


def set_filters(**filters: str | bool) -> None:
    st.session_state.update({**NO_FILTER, **filters})
    first_page()


def turn_page(case_id: str, backward: bool) -> None:
    st.session_state["keyset"] = Keyset(case_id, backward)


def shown(count: int) -> str:
    return f"{COUNT_LIMIT:,}+" if count > COUNT_LIMIT else f"{count:,}"


actor, names = sign_in.actor(), ui.people()
now = datetime.now(UTC)

# The place in the list is in the address too: `after` or `before` a case.
for name, backward in (("after", False), ("before", True)):
    if "keyset" not in st.session_state and name in st.query_params:
        st.session_state["keyset"] = Keyset(st.query_params[name], backward)
keyset: Keyset | None = st.session_state.setdefault("keyset", None)
for name, backward in (("after", False), ("before", True)):
    if keyset is not None and keyset.backward is backward:
        st.query_params[name] = keyset.case_id
    elif name in st.query_params:
        del st.query_params[name]

tiles = st.container(horizontal=True, vertical_alignment="center", key="counts")

with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
    search = st.text_input(
        "Search",
        key="q",
        type="search",
        live="300ms",
        bind="query-params",
        placeholder="Case, customer or typology",
        max_chars=200,
        on_change=first_page,
        width=250,
    )
    owners = [ANYONE, ME, UNASSIGNED, *(user_id for user_id, person in names.items() if person.role is not Role.QA)]
    owner = st.selectbox(
        "Owner",
        owners,
        format_func=lambda owner: ui.owner_label(names[owner]) if owner in names else owner,
        key="owner",
        bind="query-params",
        on_change=first_page,
        width=200,
    )
    risk = st.selectbox(
        "Risk",
        [ANY_RISK, *(risk.value for risk in reversed(Risk))],
        key="risk",
        bind="query-params",
        on_change=first_page,
        width=120,
    )
    order = st.selectbox(
        "Order",
        list(ORDERS),
        key="order",
        bind="query-params",
        on_change=first_page,
        width=130,
    )
    size = st.selectbox("Rows", [25, 50, 100], key="size", bind="query-params", on_change=first_page, width=90)
    overdue = st.toggle("Overdue", key="overdue", bind="query-params", on_change=first_page)
    closed = st.toggle("Include closed", key="closed", bind="query-params", on_change=first_page)

filters = Filters(
    owner={ANYONE: None, ME: actor.user_id, UNASSIGNED: None}.get(owner, owner),
    unassigned=owner == UNASSIGNED,
    risk=None if risk == ANY_RISK else Risk(risk),
    due_before=now if overdue else None,
    search=search,
    include_closed=closed,
)
quick: dict[str, tuple[dict[str, str | bool], Filters]] = {
    "Open": ({}, Filters()),
    "Unassigned": ({"owner": UNASSIGNED}, Filters(unassigned=True)),
    "Overdue": ({"overdue": True}, Filters(due_before=now)),
    "High risk": ({"risk": Risk.HIGH.value}, Filters(risk=Risk.HIGH)),
    "Mine": ({"owner": ME}, Filters(owner=actor.user_id)),
}
page, counts = ui.desk().read(
    lambda tx: (
        repository.triage_page(tx, filters, ORDERS[order], size, keyset),
        {label: repository.count(tx, wanted) for label, (_, wanted) in quick.items()},
    ),
    may_lag=True,
)

with tiles:
    st.title("Triage", anchor=False, width="content")
    for label, (values, wanted) in quick.items():
        st.button(
            f"**{shown(counts[label])}** {label}",
            key=f"count {label}",
            type="primary" if wanted == filters else "secondary",
            on_click=set_filters,
            kwargs=values,
        )

if not page.cases:
    st.info("No case matches these filters." if filters != Filters() else "There are no open cases.")
    if filters != Filters():
        st.button("Clear the filters", on_click=set_filters, icon=":material/filter_alt_off:")
    st.stop()

ui.case_table("Cases in the queue", page.cases, COLUMNS, names, key="queue", on_open=ui.open_case)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="pager"):
    first = page.position + 1
    position = (
        f"{shown(first)} to {shown(page.position + len(page.cases))}" if first <= COUNT_LIMIT else "beyond 10,000"
    )
    st.markdown(f"Cases {position} of **{shown(page.total)}**", width="content")
    with st.container(horizontal=True, width="content"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            disabled=not page.has_previous,
            on_click=turn_page,
            args=(page.cases[0].case_id, True),
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=not page.has_next,
            on_click=turn_page,
            args=(page.cases[-1].case_id, False),
        )
