"""Markdown in which what people typed shows as they typed it, and never becomes markup. Pure; no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.text import flat, legible

# What makes an address a link even where it is escaped, since some readers look for addresses after unescaping.
_ADDRESS = r"(?:@|:(?=//)|(?<=[wW]{3})\.)+"
# Every ASCII punctuation character that can start markup in CommonMark or GitHub's dialect (math and table too).
_MARKUP = re.compile(rf"(?P<address>{_ADDRESS})|[\\`*_{{}}\[\]<>()#+\-!|~$^&:=\"]|\.(?=\w)|(?<=\d)\.")

_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")


def escape(text: str) -> str:
    """Return typed text as Markdown that shows it as it is: no markup, link or image comes of it.

    Characters that would turn words around stand in it as escapes.
    """
    return _MARKUP.sub(lambda found: f"`{found[0]}`" if found["address"] else "\\" + found[0], legible(text))


def cell(text: object) -> str:
    """Return typed text on one line, as it stands in a table or a sentence."""
    return escape(flat(str(text)))


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return a table of names and values without a head, or nothing; the values are Markdown already."""
    lines = [(name, value) for name, value in rows if value]
    return table(("", ""), lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return a table, or nothing where it has no rows; its cells are Markdown already.

    The columns that `right` names have their values at the right.
    """
    if not rows:
        return ""
    rule = ["---:" if name in right else "---" for name in head]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def bullets(sentences: Sequence[object]) -> str:
    """Return typed sentences as a list, or nothing where there are none."""
    return "\n".join(f"- {cell(sentence)}" for sentence in sentences)


def quote(text: object) -> str:
    """Return typed text as a block quote, line for line; nothing for blank text."""
    typed = str(text).rstrip()
    lines = []
    for line in _LINE_END.split(typed):
        words = line.lstrip(" \t")
        indent = line[: len(line) - len(words)].replace("\t", "    ")
        lines.append("> " + "&nbsp;" * len(indent) + escape(words))
    return "\\\n".join(lines) if typed else ""
