"""What is planned over several cases: who comes back, rings to be found, reports that are continued.

Case numbers are planned in blocks, each from its own draws, so that a case never depends on how many there are. What
only looks like a ring - payrolls, an exchange, a card network - is in `seed.people`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from seed import firms
from seed.draw import Draw
from seed.names import PERSONS, SHELLS, Names
from seed.people import Party
from seed.typologies import Typology, accounts, cash, wires

BLOCK = 500
"""Case numbers that are planned together; each block has one ring of each kind."""

EARLY = 240
"""In how many of a block's numbers its rings are, so that 300 cases have them."""

RETURNING = 110
"""In how many pairs of a block's cases the later one looks for the earlier one's customer; some do not find them."""

APART = 40
"""Numbers from the earlier one of a pair to the later one, at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is settled of a case before it is made. Whatever is not is up to its own draws."""

    typology: Typology | None = None
    night: int = 0
    """The alert night it is born in, 0 being the last one."""
    prompt: bool = False
    """Whether the desk takes each step within a business day or two."""
    hubs: tuple[Party, ...] = ()
    """Whom the members of its ring have in common."""
    pays: int = 0
    """The number of the case whose customer it pays."""
    paid_by: tuple[int, ...] = ()
    """The numbers of the cases whose customers pay this one."""
    back_to: int = 0
    """The number of the earlier case of the same customer, where it can be one."""
    continues: bool = False
    """Whether its report continues the one of that earlier case."""


NOTHING = Part()


class Plan:
    """The parts of all cases of a seed. `nights` is how many alert nights there are."""

    def __init__(self, seed: int, names: Names, nights: int) -> None:
        self._seed, self._names, self._nights = seed, names, nights
        self._block = lru_cache(maxsize=2)(self._planned)

    def part(self, number: int) -> Part:
        return self._block((number - 1) // BLOCK).get(number, NOTHING)

    def _planned(self, block: int) -> Mapping[int, Part]:
        draw = Draw(f"{self._seed}:plan:{block}")
        start = block * BLOCK
        numbers = draw.some(range(start + 1, start + EARLY + 1), 20)
        parts: dict[int, Part] = {}
        self._mules(draw, parts, numbers[:4])
        self._shells(draw, parts, numbers[4:7])
        self._funnels(draw, parts, numbers[7:10])
        self._reports(draw, parts, numbers[10:])
        for _ in range(RETURNING):
            first = start + draw.between(1, BLOCK - APART)
            later = first + draw.between(1, APART)
            if first not in parts and later not in parts:
                parts[first] = NOTHING
                parts[later] = Part(back_to=first)
        return parts

    def _mules(self, draw: Draw, parts: dict[int, Part], numbers: Sequence[int]) -> None:
        """Customers who pass strangers' money on to one person."""
        controller = Party(self._names.person(numbers[0] * PERSONS + PERSONS - 1).shown, self._account(draw))
        for number, (low, high) in zip(numbers, ((66, 74), (38, 46), (9, 14), (1, 3)), strict=True):
            prompt = high > 30
            parts[number] = Part(accounts.mule, draw.between(low, high), prompt=prompt, hubs=(controller,))

    def _shells(self, draw: Draw, parts: dict[int, Part], numbers: Sequence[int]) -> None:
        """Companies that have one agent, and pay into the account of the same company."""
        agent = Party(firms.called(numbers[0], "Registered Agents Inc."), self._account(draw))
        shared = Party(firms.shell(numbers[0] * SHELLS + SHELLS - 1), self._account(draw))
        for number, (low, high) in zip(numbers, ((52, 60), (24, 30), (2, 5)), strict=True):
            parts[number] = Part(wires.layering, draw.between(low, high), prompt=high > 20, hubs=(agent, shared))

    def _funnels(self, draw: Draw, parts: dict[int, Part], numbers: Sequence[int]) -> None:
        """Cash from other states that ends with another customer of the bank, who passes it on."""
        one, other, hub = numbers
        night = draw.between(3, 6)
        parts[one] = Part(cash.funnel, night + draw.between(10, 12), prompt=True, pays=hub)
        parts[other] = Part(cash.funnel, night + draw.between(3, 5), pays=hub)
        parts[hub] = Part(wires.pass_through, night, paid_by=(one, other))

    def _reports(self, draw: Draw, parts: dict[int, Part], numbers: Sequence[int]) -> None:
        """SARs of before filings were kept, and of some months ago with what continues them."""
        *old, one, its_next, other, other_next = numbers[:7]
        for number in old:
            parts[number] = Part(draw.pick(SIMPLE), self._nights - draw.between(1, 2), prompt=True)
        for first, later in ((one, its_next), (other, other_next)):
            typology = draw.pick(SIMPLE)
            parts[first] = Part(typology, self._nights - draw.between(13, 15), prompt=True)
            parts[later] = Part(typology, draw.between(21, 27), prompt=True, back_to=first, continues=True)

    def _account(self, draw: Draw) -> str:
        """Return an account at another bank."""
        return f"88{draw.between(0, 99_999_999):08d}"


SIMPLE = (cash.structuring, accounts.mule, wires.pass_through)
"""Typologies of which a case can be followed by another within some months."""
