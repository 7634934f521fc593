"""The SAR summary: a case on one page of Markdown, for the person who files or defends the decision.

Its order is that in which a report is filled in: what kind it is, its figures, its subjects, the activity, the
narrative, the flow of funds, the customer's other SARs, what is missing, what was decided and by whom, and last the
transactions. A victim, or somebody who is merely related, never stands under Subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING

from app import chain, evidence, fincen, gaps, money, policy, sampling, sar_track
from app.exports import sar_flow
from app.exports.markdown import bullets, cell, facts, quote
from app.filing import Draft, ReportKind, Subject, SubjectKind
from app.models import Action, Break, Case, Disposition, Event, Filing, Status

CONFIDENTIAL = (
    "Restricted SAR material (31 U.S.C. 5318(g)(2), 31 CFR 1020.320(e)). Never tell a party to the activity, or "
    "anyone without a BSA need, whether a report exists. Subpoenas go to Legal."
)

NO_DRAFT = "There is no draft of the report yet. Below stands what is known of the case as it is now."


@dataclass(frozen=True, slots=True)
class _Told:
    """What the page is made of. `drafted` is the newest draft and the event that keeps it."""

    case: Case
    events: Sequence[Event]
    names: Mapping[str, str]
    prior_sars: Sequence[Case]
    kept: evidence.Kept
    drafted: tuple[Event, Draft] | None

    @property
    def is_report(self) -> bool:
        return self.case.disposition is Disposition.SAR or self.drafted is not None


def summary(
    case: Case,
    events: Sequence[Event],
    names: Mapping[str, str],
    breaks: Sequence[Break] = (),
    prior_sars: Sequence[Case] = (),
) -> str:
    """Return the page in Markdown. What people typed cannot become markup in it.

    `names` are the users' names by user id, `breaks` what verification found, `prior_sars` the customer's other cases
    with a SAR decision, which are told on a case that has one itself.
    """
    told = _Told(case, events, names, prior_sars, evidence.read(events), sar_track.newest_draft(events))
    state = "FILED" if case.filing is Filing.FILED else "DRAFT"
    parts = [
        f"# SAR summary {case.case_id}",
        f"**{state}. {CONFIDENTIAL}**",
        "**The audit trail of this case is broken; see Evidence.**" if breaks else "",
        facts(_key_facts(told)),
        *_people(told),
        "## Customer",
        facts(_customer(told)),
        "## Activity",
        *_alerts(told.kept),
        facts(_activity(told)),
        *_section("Narrative", _narrative(told)),
        *_section("Flow of funds", *sar_flow.flow(case, told.kept)),
        *_section("Prior SARs", _prior_sars(told)),
        *_section("Gaps", _gaps(told)),
        "## Decision",
        *_decisions(told),
        *_section("Preparation", *_preparation(told)),
        "## Notes",
        *_notes(told),
        "## QA",
        *_qa(told),
        *_section("Transactions", sar_flow.transactions(told.kept, case.currency)),
        "## Evidence",
        f"{len(events)} events, chained by SHA-256, {'NOT INTACT' if breaks else 'verified intact'}.",
        bullets(breaks),
        f"Head of the chain:\n\n    {events[-1].event_hash if events else chain.GENESIS}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _alerts(kept: evidence.Kept) -> list[str]:
    """Return the text of each alert; where there are several, each under its day, its id and its typology."""
    if len(kept.alerts) < 2:
        return [quote(kept.alert)]
    heads = [cell(", ".join(filter(None, (alert.at[:10], alert.alert_id, alert.typology)))) for alert in kept.alerts]
    return [part for head, alert in zip(heads, kept.alerts, strict=True) for part in (head, quote(alert.text)) if part]


def _section(heading: str, *parts: str) -> list[str]:
    """Return a heading with its paragraphs; nothing where there are none."""
    return [f"## {heading}", *parts] if any(parts) else []


def _key_facts(told: _Told) -> list[tuple[str, str]]:
    case, moved = told.case, told.kept.flow()
    rows = [
        ("Report", cell(_kind(told.drafted[1])) if told.drafted else ""),
        ("Disposition", case.disposition.value or "None yet"),
        ("Status", case.status.value),
        ("Filing", case.filing.value),
        ("Filed", _date(case.filed_at)),
        ("BSA ID", cell(case.bsa_id)),
        ("Typology", cell(case.typology)),
        ("Risk", f"{case.risk.value}, score {case.risk_score}"),
        ("Alerted activity", cell(f"{money.text(case.amount, case.currency)} ({moved.is_of(case.amount)})")),
        ("Opened", _time(case.opened_at)),
        ("Closed", _time(case.closed_at)),
        ("Owner", cell(_name(case.owner, told.names))),
    ]
    if case.determined_at is not None:
        due = case.sar_due_at or policy.sar_due_at(case.determined_at, policy.suspect_known(told.events))
        known = due - case.determined_at <= policy.SAR_CLOCK
        rule = "30 days" if known else "60 days, no suspect identified"
        zone = policy.determined_in(told.events)
        determined = f"{_date(case.determined_at)} ({cell(zone)})" if zone else _date(case.determined_at)
        rows += [("Suspicion determined", determined), ("SAR due", f"{_date(due)} ({rule})")]
    return rows


def _kind(draft: Draft) -> str:
    match draft.kind:
        case ReportKind.INITIAL:
            return "Initial report"
        case ReportKind.CONTINUING:
            return f"Continuing report, after BSA ID {draft.prior_bsa_id or 'unknown'}"
        case ReportKind.AMENDED:
            return f"Amends the report with BSA ID {draft.prior_bsa_id or 'unknown'}"


def _people(told: _Told) -> Iterator[str]:
    """Yield the people of a report: its subjects, and apart from them those who are none."""
    if not told.is_report:
        return
    yield "## Subjects"
    if told.drafted is None:
        yield NO_DRAFT
        return
    draft = told.drafted[1]
    yield from map(_person, draft.filed_subjects)
    if not draft.filed_subjects:
        yield "None named."
    if others := [subject for subject in draft.subjects if not subject.is_filed]:
        yield "## Victims and related people"
        yield "They stand in the narrative alone: the report names none of them as its subject."
        yield from map(_person, others)


def _person(subject: Subject) -> str:
    is_person = subject.kind is SubjectKind.PERSON
    latin = f"{subject.last_name}, {subject.first_name}" if subject.last_name and subject.first_name else ""
    place = f"{subject.city} {subject.state} {subject.zip_code}"
    address = [part for part in (subject.street, place.strip(), subject.country) if part]
    rows = [
        ("Name", cell(subject.name) or "Unknown"),
        ("Role", subject.role.value.capitalize()),
        ("Kind", subject.kind.value.capitalize()),
        ("Family and given name", cell(latin)),
        ("In another script", cell(subject.other_name)),
        ("Born" if is_person else "Formed", _day(subject.born)),
        ("Taxpayer number", cell(subject.tin)),
        ("Occupation" if is_person else "Business", cell(subject.occupation)),
        ("Address", cell(", ".join(address))),
        ("Account", cell(subject.account)),
        ("Customer of the bank", "Yes" if subject.is_customer else ""),
    ]
    return facts(rows)


def _customer(told: _Told) -> list[tuple[str, str]]:
    case = told.case
    return [("Name", cell(case.customer_name)), ("Customer", cell(case.customer_id))] + [
        (cell(key.replace("_", " ").capitalize()), cell(money.told(value, case.currency)))
        for key, value in sorted(told.kept.customer.items())
    ]


def _activity(told: _Told) -> list[tuple[str, str]]:
    """What the draft says of the activity; nothing without one."""
    if told.drafted is None:
        return []
    draft = told.drafted[1]
    filed = draft.in_dollars and draft.in_dollars.to_integral_value(ROUND_CEILING)
    days = [_day(day) or "unknown" for day in (draft.from_day, draft.to_day)]
    return [
        ("Activity types", cell("; ".join(_worded(draft, code) for code in draft.activity_types)) or "None chosen"),
        ("Instruments and products", cell("; ".join(_worded(draft, code) for code in draft.instruments))),
        ("Key term", cell(draft.key_term)),
        ("Amount, counted once", cell(money.text(draft.amount, draft.currency)) if draft.amount else "None"),
        ("Amount to file", cell(f"USD {filed:,} (whole dollars, rounded up)") if filed else ""),
        ("With the reports before", cell(money.text(draft.cumulative, "USD")) if draft.cumulative else ""),
        ("Came in", cell(money.text(draft.money_in, draft.currency))),
        ("Went out", cell(money.text(draft.money_out, draft.currency))),
        ("From and to", f"{days[0]} to {days[1]}"),
    ]


def _narrative(told: _Told) -> str:
    return "" if told.drafted is None else quote(told.drafted[1].narrative) or "None yet."


def _worded(draft: Draft, code: int) -> str:
    described = draft.described.get(code, "") if code in fincen.OTHER else ""
    return f"{fincen.words(code)}{f': {described}' if described else ''} ({code})"


def _prior_sars(told: _Told) -> str:
    if not told.is_report:
        return ""
    rows = []
    for case in told.prior_sars:
        filed = f"filed {_date(case.filed_at)}" if case.filed_at else "not filed"
        number = f", BSA ID {case.bsa_id}" if case.bsa_id else ""
        determined = f", determined {_date(case.determined_at)}" if case.determined_at else ""
        rows.append((cell(case.case_id), cell(f"{filed}{number}{determined}")))
    return facts(rows) or "None."


def _gaps(told: _Told) -> str:
    if told.drafted is None:
        return ""
    case, draft = told.case, told.drafted[1]
    determined = case.determined_at.date() if case.determined_at else None
    is_sar = case.disposition is Disposition.SAR
    known = gaps.Facts(told.kept, determined, policy.suspect_known(told.events) if is_sar else None)
    found = [f"{'Critical. ' if gap.is_critical else ''}{gap.sentence}" for gap in gaps.gaps(draft, known)]
    return bullets(found) or "None."


def _decisions(told: _Told) -> list[str]:
    parts = []
    for event in told.events:
        if event.action in (Action.DISPOSITION, Action.REOPEN):
            parts += [f"**{cell(_outcome(event))}**, {_by(event, told.names)}:", quote(event.notes)]
            if reason := chain.read_meta(event).get("later_because"):
                parts += ["Its day is later than that of an earlier decision, because:", quote(reason)]
    return parts or ["No decision yet."]


def _outcome(event: Event) -> str:
    """Return what a disposition or reopening came to; an escalation of an escalated case changes no disposition."""
    if event.action == Action.REOPEN:
        return "Reopened"
    match chain.read_meta(event).get("disposition"):
        case [_, str(decided)]:
            return decided
    return Disposition.ESCALATE.value


def _preparation(told: _Told) -> list[str]:
    """Who wrote the newest draft and who approved it, and below that each step of the report."""
    if not told.is_report:
        return []
    prepared = approved = "Nobody yet"
    if told.drafted is not None:
        prepared = _by(told.drafted[0], told.names)
    if told.drafted is not None and told.case.filing in (Filing.TO_FILE, Filing.FILED):
        approvals = [event for event in told.events if event.action == Action.SAR_APPROVE]
        approved = _by(approvals[-1], told.names) if approvals else approved
    return [facts([("Prepared by", prepared), ("Approved by", approved)]), *_track(told)]


_STEPS: Mapping[str, str] = {
    Action.SAR_DRAFT: "Drafted",
    Action.SAR_APPROVE: "Approved",
    Action.SAR_RETURN: "Returned",
    Action.SAR_FILE: "Filed",
    Action.SAR_ACKNOWLEDGE: "Acknowledged",
    Action.SAR_REJECT: "Rejected by FinCEN",
    Action.SAR_AMEND: "To be amended",
}


def _track(told: _Told) -> list[str]:
    """What happened to the report, step by step, each with its reason; the narrative of a draft stands above."""
    parts = []
    for event in told.events:
        if (done := _STEPS.get(event.action)) is None:
            continue
        meta = chain.read_meta(event)
        reason = "" if event.action == Action.SAR_DRAFT else event.notes or meta.get("late_because") or ""
        parts += [f"**{done}**, {_by(event, told.names)}{':' if reason else '.'}", quote(reason)]
    return parts


def _notes(told: _Told) -> list[str]:
    parts = []
    for event in told.events:
        if event.action == Action.NOTE:
            parts += [f"{_by(event, told.names)}:", quote(event.notes)]
    return parts or ["None."]


def _qa(told: _Told) -> list[str]:
    case = told.case
    if case.qa_result:
        reviewer = cell(_name(case.qa_reviewer, told.names))
        return [f"**{case.qa_result.value}**, {reviewer}, {_time(case.qa_at)}", quote(case.qa_notes)]
    if not sampling.is_sampled(case.qa_bucket):
        return ["Not in the sample."]
    return ["In the sample, awaiting review." if case.status is Status.CLOSED else "In the sample, once closed."]


def _by(event: Event, names: Mapping[str, str]) -> str:
    return f"{cell(_name(event.user, names))}, {_minute(event.ts)}"


def _name(user_id: str | None, names: Mapping[str, str]) -> str:
    return "Nobody" if user_id is None else f"{names.get(user_id, user_id)} ({user_id})"


def _minute(ts: object) -> str:
    text = str(ts)
    return f"{text[:10]} {text[11:16]} UTC"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else _minute(chain.format_ts(moment))


def _date(moment: datetime | None) -> str:
    return "" if moment is None else chain.format_ts(moment)[:10]


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
