"""The SAR summary: a case on one page of Markdown, for the person who files or defends the decision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING

from app import chain, evidence, money, policy, sampling
from app.models import Action, Break, Case, Disposition, Event, Status
from app.text import legible

CONFIDENTIAL = (
    "Restricted SAR material (31 U.S.C. 5318(g)(2), 31 CFR 1020.320(e)). Never tell a party to the activity, or "
    "anyone without a BSA need, whether a report exists. Subpoenas go to Legal."
)

# What makes an address a link even where it is escaped, since some readers look for addresses after unescaping.
_ADDRESS = r"(?:@|:(?=//)|(?<=[wW]{3})\.)+"
# Every ASCII punctuation character that can start markup in CommonMark or GitHub's dialect (math and table too).
_MARKUP = re.compile(rf"(?P<address>{_ADDRESS})|[\\`*_{{}}\[\]<>()#+\-!|~$^&:=\"]|\.(?=\w)|(?<=\d)\.")

_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")


def summary(case: Case, events: Sequence[Event], names: Mapping[str, str], breaks: Sequence[Break] = ()) -> str:
    """Return the page in Markdown. `names` are the users' names by user id, `breaks` what verification found.

    What people typed cannot become markup in it.
    """
    kept = evidence.read(events)
    parts = [
        f"# SAR summary {case.case_id}",
        f"**DRAFT. {CONFIDENTIAL}**",
        "**The audit trail of this case is broken; see Evidence.**" if breaks else "",
        _facts(_key_facts(case, events, names, kept.flow())),
        "## Subject",
        _facts(_subject(case, kept)),
        "## Activity",
        _quote(kept.alert),
        _facts(_activity(kept, case.currency)),
        "## Decision",
        *_decisions(events, names),
        "## Notes",
        *_notes(events, names),
        "## QA",
        *_qa(case, names),
        "## Evidence",
        f"{len(events)} events, chained by SHA-256, {'NOT INTACT' if breaks else 'verified intact'}.",
        "\n".join(f"- {_cell(found)}" for found in breaks),
        f"Head of the chain:\n\n    {events[-1].event_hash if events else chain.GENESIS}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Return typed text as Markdown that shows it as it is: no markup, link or image comes of it.

    Characters that would turn words around stand in it as escapes.
    """
    return _MARKUP.sub(lambda found: f"`{found[0]}`" if found["address"] else "\\" + found[0], legible(text))


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of two columns, or nothing; the values are escaped already."""
    lines = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(["| | |", "| --- | --- |", *lines]) if lines else ""


def _cell(text: object) -> str:
    return escape(" ".join(str(text).split()))


def _quote(text: object) -> str:
    """Return typed text as a block quote, line for line; nothing for blank text."""
    typed = str(text).rstrip()
    lines = []
    for line in _LINE_END.split(typed):
        words = line.lstrip(" \t")
        indent = line[: len(line) - len(words)].replace("\t", "    ")
        lines.append("> " + "&nbsp;" * len(indent) + escape(words))
    return "\\\n".join(lines) if typed else ""


def _key_facts(
    case: Case, events: Sequence[Event], names: Mapping[str, str], moved: evidence.Flow
) -> list[tuple[str, str]]:
    facts = [
        ("Disposition", case.disposition.value or "None yet"),
        ("Status", case.status.value),
        ("Typology", _cell(case.typology)),
        ("Risk", f"{case.risk.value}, score {case.risk_score}"),
        ("Alerted activity", _cell(f"{money.text(case.amount, case.currency)} ({moved.is_of(case.amount)})")),
        ("Opened", _time(case.opened_at)),
        ("Closed", _time(case.closed_at)),
        ("Owner", _cell(_name(case.owner, names))),
    ]
    if case.determined_at is not None:
        known = policy.suspect_known(events)
        due = policy.sar_due_at(case.determined_at, known)
        rule = "30 days" if known else "60 days, no suspect identified"
        zone = policy.determined_in(events)
        determined = f"{_date(case.determined_at)} ({_cell(zone)})" if zone else _date(case.determined_at)
        facts += [("Suspicion determined", determined), ("SAR due", f"{_date(due)} ({rule})")]
    return facts


def _subject(case: Case, kept: evidence.Kept) -> list[tuple[str, str]]:
    return [("Name", _cell(case.customer_name)), ("Customer", _cell(case.customer_id))] + [
        (_cell(key.replace("_", " ").capitalize()), _cell(money.told(value, case.currency)))
        for key, value in sorted(kept.customer.items())
    ]


def _activity(kept: evidence.Kept, currency: str) -> list[tuple[str, str]]:
    found, moved = kept.transactions, kept.flow()
    rows = []
    if times := sorted(row.time for row in found):
        rows.append(("First and last transaction", _cell(f"{times[0][:10]} to {times[-1][:10]}")))
    both = ("Money in", moved.paid_in, moved.credits), ("Money out", moved.paid_out, moved.debits)
    for label, total, number in both:
        if number:
            count = "1 transaction" if number == 1 else f"{number} transactions"
            rows.append(
                (
                    label,
                    _cell(
                        f"{currency} {total.to_integral_value(ROUND_CEILING):,} in {count} (whole units, rounded up)"
                    ),
                )
            )
    rows.append(("Net", _cell(moved.net(currency))))
    rows.append(("Channels", _cell(", ".join(sorted({row.channel for row in found})))))
    rows.append(("Countries", _cell(", ".join(sorted({row.country for row in found})))))
    if kept.unread:
        rows.append(("Not counted", f"{kept.unread} that cannot be read"))
    return rows


def _decisions(events: Sequence[Event], names: Mapping[str, str]) -> list[str]:
    parts = []
    for event in events:
        if event.action in (Action.DISPOSITION, Action.REOPEN):
            parts += [f"**{_cell(_outcome(event))}**, {_by(event, names)}:", _quote(event.notes)]
    return parts or ["No decision yet."]


def _outcome(event: Event) -> str:
    """Return what a disposition or reopening came to; an escalation of an escalated case changes no disposition."""
    if event.action == Action.REOPEN:
        return "Reopened"
    match chain.read_meta(event).get("disposition"):
        case [_, str(decided)]:
            return decided
    return Disposition.ESCALATE.value


def _notes(events: Sequence[Event], names: Mapping[str, str]) -> list[str]:
    parts = []
    for event in events:
        if event.action == Action.NOTE:
            parts += [f"{_by(event, names)}:", _quote(event.notes)]
    return parts or ["None."]


def _qa(case: Case, names: Mapping[str, str]) -> list[str]:
    if case.qa_result:
        reviewer = _cell(_name(case.qa_reviewer, names))
        return [f"**{case.qa_result.value}**, {reviewer}, {_time(case.qa_at)}", _quote(case.qa_notes)]
    if not sampling.is_sampled(case.qa_bucket):
        return ["Not in the sample."]
    return ["In the sample, awaiting review." if case.status is Status.CLOSED else "In the sample, once closed."]


def _by(event: Event, names: Mapping[str, str]) -> str:
    return f"{_cell(_name(event.user, names))}, {_minute(event.ts)}"


def _name(user_id: str | None, names: Mapping[str, str]) -> str:
    return "Nobody" if user_id is None else f"{names.get(user_id, user_id)} ({user_id})"


def _minute(ts: object) -> str:
    text = str(ts)
    return f"{text[:10]} {text[11:16]} UTC"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else _minute(chain.format_ts(moment))


def _date(moment: datetime) -> str:
    return chain.format_ts(moment)[:10]
