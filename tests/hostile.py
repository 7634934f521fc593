"""What somebody who knows the formula could write into a chain so that one verifier judges other than the next.

Each chain is hashed and linked rightly: only what a field says can be wrong. The desk, verify.py and audit.html are
each held to the breaks that stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from app import chain
from app.models import Event
from tests.bundles import EVENTS
from tests.lives import joined_life, rehashed, renumbered

Found = tuple[int | None, str, str]
FIRST, LAST = EVENTS[0].event_id, EVENTS[-1].event_id
OPENING = EVENTS[0].meta


def hidden(levels: int) -> str:
    """Lists within each other under a key that comes again, with another value."""
    return f'{{"x":{"[" * levels}{"]" * levels},"x":1}}'


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


ANY_META: Iterable[str] = (
    *(
        '{"a":1}',
        ' \t\r\n{"a":1}\n ',
        '{"a":-0}',
        '{"a":1e5}',
        '{"a":1E+5}',
        '{"a":1e999}',
        '{"a":1e-400}',
        '{"a":1.0}',
    ),
    *(f'{{"a":{"9" * 4300}}}', f'{{"a":-{"9" * 4300}}}', f'{{"a":{"9" * 25}}}', f'{{"a":0.{"1" * 4300}e{"1" * 4300}}}'),
    *(f'{{"a":"{"9" * 5000}"}}', f'{{"{"9" * 5000}":"\\""}}', f'{{"a":"\\\\","b":"{"9" * 5000}"}}'),
    *(hidden(499), nested(100), nested(500), f'{{"a":[{"[]," * 999}{{}}]}}', f'{{"a":"{"[" * 999}"}}'),
    *('{"a":"\\ud800"}', '{"\\udfff":1}', '{"a":"\\u0000\u2028\u2029\x7f\ufeff"}', '{"":true}', '{"1":1,"0":[null]}'),
    *('{"__proto__":["New","Closed"]}', '{"constructor":1,"toString":2,"hasOwnProperty":3}', '{"__proto__":null}'),
    *('{"a":1,"a":2}', '{"status":1,"status":["In Review","In Review"]}', '{"Status":["New","Closed"]}'),
    *('{"case":[]}', '{"qa_bucket":[0,9]}', '{"\\u0073tatus":["In Review","In Review"]}', '{"owner ":1}'),
)
"""As the `meta` of a note, all of them are read alike, and none says anything of the case."""

NO_META: Iterable[str] = (
    *(
        "{}",
        " ",
        " {} ",
        "[]",
        '[{"a":1}]',
        "null",
        "true",
        "7",
        "1.5",
        '"a"',
        "not JSON",
        "NaN",
        "{",
        "{}{}",
        "\ufeff{}",
    ),
    *('\ufeff{"a":1}', '\x0b{"a":1}', '\xa0{"a":1}', '{"a":1}\0', '{"a":1}x', '{"a":1}{"a":1}', '\x00{"a":1}', "'{}'"),
    *('{"a":1,}', '{,"a":1}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":1e}', '{"a":0x1}', '{"a":1_0}'),
    *(
        '{"a":-}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"owner":[-Infinity,"x"]}',
        '{"a":٣}',
        '{"a":True}',
        '{"a":undefined}',
    ),
    *(
        "{'a':1}",
        "{a:1}",
        '{"a"}',
        '{"a":1/**/}',
        '{"a":"\t"}',
        '{"a":"\n"}',
        '{"a":"\0"}',
        '{"a":"\\x"}',
        '{"a":"\\u1"}',
    ),
    *(f'{{"a":{"9" * 4301}}}', f'{{"a":-{"9" * 4301}}}', f'{{"a":{"9" * 4301}.0}}', f'{{"a":0.{"1" * 4301}}}'),
    *(f'{{"a":1e{"0" * 4301}}}', f'{{"a":{"9" * 2_000_000}}}', f'{{"b":"{"9" * 4301}","a":{"9" * 4301}}}'),
    *(
        hidden(500),
        hidden(990),
        hidden(20_000),
        nested(501),
        nested(700),
        nested(980),
        nested(1100),
        nested(100_000),
        "[" * 100_000,
        '{"owner":' * 100_000,
    ),
    f'{{"a":{"[" * 500}{"]" * 500}}}',
)
"""As the `meta` of a note, none of them can be read."""

NO_CHANGE: Iterable[str] = (
    *(
        "null",
        "true",
        "0",
        '"In Review"',
        "[]",
        '["In Review"]',
        '["In Review","New",null]',
        '{"0":"In Review","1":"New"}',
    ),
    *(
        '["In Review",1]',
        '["In Review",1.0]',
        '["In Review",true]',
        '[0,"New"]',
        '["In Review",[]]',
        '[["In Review"],"New"]',
    ),
    '{"length":2,"0":"In Review","1":"New"}',
)
"""None of them is [old, new] of a status."""

ANOTHER_OLD_VALUE: Iterable[str] = (
    *('["In review","In Review"]', '["In Review ","In Review"]', '[null,"In Review"]', '["","In Review"]'),
    *('["\\ud800","In Review"]', '["In Revie\u1d21","In Review"]', '["\\u0000In Review","In Review"]'),
)

NO_FACTS: Mapping[str, Callable[[str], str]] = {
    "two in one": lambda meta: meta.replace('"amount":', '"amount currency":').replace(',"currency":"USD"', ""),
    "two in one, with the bucket": lambda meta: meta.replace('"qa_bucket":0,"risk":"High"', '"qa_bucket risk":0'),
    "two in one, by a comma": lambda meta: meta.replace('"risk":"High","risk_score":87', '"risk,risk_score":0'),
    "all in one": lambda meta: f'{{"case":{{"{" ".join(chain.FACTS)}":0}}}}',
    "one too many": lambda meta: meta.replace('"risk":', '"__proto__":{},"risk":'),
    "one instead": lambda meta: meta.replace('"risk":"High"', '"__proto__":"High"'),
    "one too few": lambda meta: meta.replace('"risk":"High",', ""),
    "none": lambda meta: '{"case":{}}',
    "a list": lambda meta: '{"case":["amount","currency"]}',
    "a fraction": lambda meta: '{"case":1.5}',
    "nothing": lambda meta: '{"case":null}',
    "inherited": lambda meta: f'{{"__proto__":{meta}}}',
    "twice, the last one empty": lambda meta: f'{meta[:-1]},"case":{{}}}}',
    "too deep": lambda meta: f'{meta[:-1]},"z":{nested(500)}}}',
}
"""What makes of the first event's `meta` one without the facts of the case."""

FACTS_OTHERWISE: Mapping[str, Callable[[str], str]] = {
    "a bucket of -0": lambda meta: meta.replace('"qa_bucket":0', '"qa_bucket":-0'),
    "a bucket twice, the last one right": lambda meta: meta.replace('"qa_bucket":0', '"qa_bucket":1.0,"qa_bucket":0'),
    "a bucket in a text": lambda meta: meta.replace('"USD"', '"\\"qa_bucket\\":1.0"'),
    "a fraction": lambda meta: meta.replace('"risk_score":87', '"risk_score":87.0'),
    "a long number": lambda meta: meta.replace('"risk_score":87', f'"risk_score":{"9" * 25}'),
    "a longer number": lambda meta: meta.replace('"risk_score":87', f'"risk_score":{"9" * 4300}'),
    "a customer that is a number": lambda meta: meta.replace('"C-00412873"', "18446744073709551616"),
    "a customer that is half a character": lambda meta: meta.replace('"C-00412873"', '"\\ud83d"'),
    "a customer that is a list": lambda meta: meta.replace('"C-00412873"', "[[[]],{}]"),
    "a column of the case": lambda meta: meta.replace('"USD"', "[null,true]"),
    "with spaces": lambda meta: meta.replace('","', '" ,\n\t"'),
    "twice, the last one right": lambda meta: f'{{"case":{{}},{meta[1:]}',
    "beside what others inherit": lambda meta: f'{meta[:-1]},"__proto__":{{"case":{{}}}},"constructor":1}}',
}
"""What makes of the first event's `meta` another one, that no rule forbids."""

OTHER_BUCKETS = (
    "1",
    "-1",
    "10",
    "0.0",
    "-0.0",
    "0e0",
    "0E9",
    "1e-999",
    "false",
    "null",
    '"0"',
    "[0]",
    '0,"qa_bucket":0.0',
)

TIMES = ("2096-02-29T00:00:00.000000Z", "2400-02-29T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z")
NO_TIMES: Iterable[str] = (
    *("9999-99-99T99:99:99.999999Z", "2099-02-29T00:00:00.000000Z", "2100-02-29T00:00:00.000000Z"),
    *("2099-13-01T00:00:00.000000Z", "2099-01-32T00:00:00.000000Z", "2099-04-31T00:00:00.000000Z"),
    *("2099-00-01T00:00:00.000000Z", "2099-01-00T00:00:00.000000Z", "2099-01-01T24:00:00.000000Z"),
    *("2099-01-01T25:00:00.000000Z", "2099-01-01T00:60:00.000000Z", "2099-01-01T23:59:60.000000Z"),
    *("2099-01-01T00:00:00.00000Z", "2099-01-01T00:00:00.0000000Z", "2099-01-01T00:00:00Z", "2099-01-01"),
    *("2099-01-01T00:00:00.000000z", "2099-01-01t00:00:00.000000Z", "2099-01-01 00:00:00.000000Z", "2099"),
    *("2099-01-01T00:00:00.000000Z\n", "2099-01-01T00:00:00,000000Z", "2099-01-01T00:00:00.000000+00:00"),
    *("٢٠٩٩-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.00000０Z", "2099-W01-1T00:00:00.000000Z"),
)


def _with(place: int, **fields: Any) -> list[Event]:
    """The life with one event changed, hashed and linked anew; `place` counts from 0."""
    return rehashed([*EVENTS[:place], replace(EVENTS[place], **fields), *EVENTS[place + 1 :]])


def _chains() -> Mapping[str, tuple[list[Event], list[Found]]]:
    note = EVENTS[2].event_id
    chains: dict[str, tuple[list[Event], list[Found]]] = {}

    def add(what: str, text: str, events: list[Event], *breaks: Found) -> None:
        name = f"{what}: {text[:60]!r} of {len(text)}"
        assert name not in chains, name
        chains[name] = events, list(breaks)

    for meta in ANY_META:
        add("meta", meta, _with(2, meta=meta))
    for meta in NO_META:
        add("no meta", meta, _with(2, meta=meta), (note, "edited", "meta"))
        add("no opening", meta, _with(0, meta=meta), (FIRST, "edited", "meta"))
    for change in NO_CHANGE:
        add("no change", change, _with(2, meta=f'{{"status":{change}}}'), (note, "edited", "status"))
    for change in ANOTHER_OLD_VALUE:
        add("old value", change, _with(2, meta=f'{{"status":{change}}}'), (note, "row differs", "status"))
    for what, altered in NO_FACTS.items():
        add("no facts", what, _with(0, meta=altered(OPENING)), (FIRST, "edited", "meta"))
    for what, altered in FACTS_OTHERWISE.items():
        add("facts", what, _with(0, meta=altered(OPENING)))
    for bucket in OTHER_BUCKETS:
        meta = OPENING.replace('"qa_bucket":0', f'"qa_bucket":{bucket}')
        add("bucket", bucket, _with(0, meta=meta), (FIRST, "edited", "qa_bucket"))
    for ts in TIMES:
        add("time", ts, _with(9, ts=ts))
    for ts in NO_TIMES:
        add("no time", ts, _with(9, ts=ts), (LAST, "edited", "ts"))
    add("time", "the first year", _with(0, ts="0001-01-01T00:00:00.000000Z"))
    add("no time", "the year before it", _with(0, ts="0000-01-01T00:00:00.000000Z"), (FIRST, "edited", "ts"))
    add("opening", "later", _with(2, action="open"), (note, "edited", "meta"))
    add("opening", "later, as it was", _with(2, action="open", meta=OPENING), (note, "edited", "meta"))
    for action in ("Open", "open ", "OPEN", "\ufeffopen", "__proto__", ""):
        add("no opening", action, _with(0, action=action), (FIRST, "edited", "meta"))
    for notes in (
        "",
        "\0",
        "\u2028\u2029\x85",
        "\ufeff",
        "\U0001f600",
        "'",
        '"',
        "=1",
        "\r\n",
        "\r",
        "e\u0301",
        "\xe9",
    ):
        add("note", notes, _with(2, notes=notes))
        add("user", notes, _with(2, user=notes))
    for column, change in (("bsa_id", '["",31000123456789]'), ("filing", '["","To file","Filed"]'), ("filed_at", "{}")):
        add("no change", column, _with(2, meta=f'{{"{column}":{change}}}'), (note, "edited", column))
    decided, moved = EVENTS[4].event_id, '[null,"2099-01-01T00:00:00.000000Z"]'
    add(
        "deadline",
        "given by a note",
        _with(2, meta=f'{{"sar_due_at":{moved}}}'),
        (decided, "row differs", "sar_due_at"),
    )
    add(
        "filing", "of a case that is open", _with(2, meta='{"filing":["","Filed"]}'), (decided, "row differs", "filing")
    )
    verdict, reopened = EVENTS[5].event_id, EVENTS[6].event_id
    later = [(reopened, "row differs", name) for name in ("qa_at", "qa_notes", "qa_result", "qa_reviewer")]
    add("verdict", "its notes only", _with(5, meta='{"a":1}'), *later[:1], *later[2:])
    add("verdict", "other notes", _with(5, meta='{"qa_notes":["","x"]}'), *later)
    add("verdict", "old notes", _with(5, meta='{"qa_notes":["x",""]}'), (verdict, "row differs", "qa_notes"), *later)
    add("verdict", "no notes", _with(5, meta='{"qa_notes":null}'), (verdict, "edited", "qa_notes"), *later)
    return chains


def _alerts() -> Mapping[str, tuple[list[Event], list[Found]]]:
    """Of a case that an alert joins as its second event, from risk High, score 87 and amount 65800.00."""
    life = renumbered(joined_life().events)
    chains: dict[str, tuple[list[Event], list[Found]]] = {}

    def add(column: str, change: str, *breaks: str, action: str = "alert", opening: str = life[0].meta) -> None:
        changed = replace(life[1], action=action, meta=f'{{"{column}":{change}}}')
        events = rehashed([replace(life[0], meta=opening), changed])
        chains[f"{action}: {column} {change} after {opening[-40:]}"] = events, [(2, kind, column) for kind in breaks]

    for column, rises in (("risk_score", "[87,88]"), ("risk_score", "[87,100]"), ("amount", '["65800.00","65800.01"]')):
        add(column, rises)
        add(column, rises, "edited", action="note")
        add(column, rises, "edited", action="qa_alert")
    for change in ("[87,87]", "[87,86]", "[87,0]"):
        add("risk_score", change, "edited")
    for no in (
        "[87,101]",
        "[87,88.0]",
        '["87",88]',
        "[null,88]",
        "[87,true]",
        "[87]",
        "[87,88,89]",
        "88",
        "{}",
        "[87,1e2]",
    ):
        add("risk_score", no, "edited")
    add("risk_score", "[86,88]", "row differs")
    add("risk_score", "[88,88]", "row differs", "edited")
    for score in ("87.0", '"87"', "true"):
        other = life[0].meta.replace('"risk_score":87', f'"risk_score":{score}')
        add("risk_score", "[87,88]", "row differs", opening=other)
    low = life[0].meta.replace('"risk":"High"', '"risk":"Low"')
    for change in ('["Low","Medium"]', '["Low","High"]'):
        add("risk", change, opening=low)
        add("risk", change, "row differs")
    for change in (
        '["High","Low"]',
        '["High","High"]',
        '["High","high"]',
        '["High",""]',
        '["High",null]',
        '["High",2]',
    ):
        add("risk", change, "edited")
    for new in (
        '"65800.00"',
        '"65799.99"',
        '"9.99"',
        '"65801"',
        '"65801.0"',
        '"065801.00 "',
        "65801.00",
        "null",
        '"٩٩٩٩٩٩.٠٠"',
    ):
        add("amount", f'["65800.00",{new}]', "edited")
    add("amount", f'["65800.00","{"9" * 13}.99"]')
    add("amount", f'["65800.00","{"9" * 14}.00"]', "edited")
    add("customer_name", '["x","y"]')
    return chains


CHAINS = {**_chains(), **_alerts()}
"""By what was done: the events, and every break of them."""
