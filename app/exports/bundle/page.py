"""The page of a bundle: one HTML file that checks a case in the browser of whoever opens it, offline. Pure; no I/O
beyond the three files beside this one, of which it is put together.

Its policy (CSP) lets one script and one style run, those in it, and forbids every request.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from string import Template

from app import chain, settings
from app.models import EVENT_COLUMNS, Event

_FOLDER = settings.ROOT / "app" / "exports" / "bundle"
_MARKUP = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render(case_id: str, events: Sequence[Event], names: Mapping[str, str], proof: str | None, key: str | None) -> str:
    """Return the page of a case: the same text for the same arguments.

    `proof` is the text of a `.tlog-proof` and `key` a verifier key. Of `names`, by user id, those of users in the
    events are taken: they are for reading, and no hash covers them.
    """
    told = _users(events)
    head = {
        "case_id": case_id,
        "names": {user: name for user, name in sorted(names.items()) if user in told},
        "key": key,
        "proof": proof,
    }
    lines = [f"{_json(name)}: {_json(value)}" for name, value in head.items()]
    rows = [_json({column: getattr(event, column) for column in EVENT_COLUMNS}) for event in events]
    lines.append('"events": [\n  ' + ",\n  ".join(rows) + "\n ]")
    return _template().substitute(data="{" + ",\n ".join(lines) + "}")


def _json(value: object) -> str:
    """Return JSON in which no character can end the script element around it, nor be lost on the way to a browser."""
    text = json.dumps(value, ensure_ascii=False)
    return _MARKUP.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _users(events: Sequence[Event]) -> set[str]:
    """Return the ids of who acted, and of who an event names as owner or reviewer."""
    users = {event.user for event in events}
    for event in events:
        meta = chain.read_meta(event)
        for change in (meta.get("owner"), meta.get("qa_reviewer")):
            users.update(value for value in (change if isinstance(change, list) else []) if isinstance(value, str))
    return users


@cache
def _template() -> Template:
    """Return the page without its data."""
    style, script = ("\n" + (_FOLDER / name).read_text("utf-8") for name in ("audit.css", "audit.js"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    page = Template((_FOLDER / "audit.html").read_text("utf-8"))
    return Template(page.substitute(policy=policy, style=_dollars(style), script=_dollars(script), data="$data"))


def _hash(code: str) -> str:
    """Return how a policy names inline code: by its SHA-256, in base64."""
    return f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'"


def _dollars(code: str) -> str:
    return code.replace("$", "$$")
