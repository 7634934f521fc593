"""What a browser would make of HTML: for tests that no text of people becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


def tags_of(html: str) -> set[str]:
    """The elements that there are in it."""
    reader = _Tags()
    reader.feed(html)
    reader.close()
    return reader.found
