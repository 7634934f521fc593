"""Who is in every data set: the people of the desk, the bank's branches, firms that many know. All invented."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.models import ALERT_FEED_USER, Role, User

ANALYSTS = (
    User("a.nguyen", "An Nguyễn", Role.ANALYST, active=True),
    User("d.kowalski", "Dana Kowalski", Role.ANALYST, active=True),
    User("j.whitfield", "Jordan Whitfield", Role.ANALYST, active=True),
    User("m.okafor", "Marcus Okafor", Role.ANALYST, active=True),
    User("p.raman", "Priya Raman", Role.ANALYST, active=True),
    User("s.alvarez", "Sofía Álvarez", Role.ANALYST, active=True),
)
REVIEWERS = (
    User("l.chen", "Lin Chen", Role.QA, active=True),
    User("r.haddad", "Rania Haddad", Role.QA, active=True),
    User("t.brooks", "Tyrone Brooks", Role.QA, active=True),
)
MANAGERS = (
    User("c.marchetti", "Carla Marchetti", Role.MANAGER, active=True),
    User("e.suzuki", "Emi Suzuki", Role.MANAGER, active=True),
    User("k.oneill", "Kevin O'Neill", Role.MANAGER, active=True),
)
LEAVER = User("b.hansen", "Björn Hansen", Role.ANALYST, active=True)
"""An Analyst, as they were until they left."""

USERS = (
    *ANALYSTS,
    *REVIEWERS,
    *MANAGERS,
    replace(LEAVER, active=False),
    ALERT_FEED_USER,
)
"""The rows of `users`, the same for every seed."""


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    city: str
    state: str
    behind: int = 0
    """Hours by which its clocks are behind US Eastern time, at most."""

    @property
    def place(self) -> str:
        return f"{self.name} branch, {self.city} {self.state}"


def _branches(state: str, *cities: str) -> tuple[Branch, ...]:
    """`cities` are texts like "Queens: Flushing, Jamaica Ave"."""
    return tuple(
        Branch(name.strip(), city, state)
        for text in cities
        for city, _, names in [text.partition(":")]
        for name in names.split(",")
    )


BRANCHES = (
    _branches("NY", "Queens: Flushing, Jamaica Ave, Steinway St", "Brooklyn: Bay Ridge, Kings Hwy, Fulton St"),
    _branches("NJ", "Newark: Ironbound, Broad St", "Jersey City: Journal Sq, Newport", "Edison: Oak Tree Rd"),
    _branches("PA", "Philadelphia: Market St, Kensington, Olney", "Allentown: Hamilton St, Tilghman St"),
    _branches("MA", "Boston: Dorchester, Allston, East Boston", "Worcester: Main St, Shrewsbury St"),
    _branches("MD", "Baltimore: Highlandtown, Pratt St, Towson", "Silver Spring: Georgia Ave, Wheaton"),
    _branches("FL", "Miami: Flagler St, Hialeah, Coral Way", "Orlando: Orange Ave, Kissimmee"),
    _branches("GA", "Atlanta: Buford Hwy, Peachtree St, West End", "Savannah: Abercorn St, Bay St"),
    _branches("OH", "Columbus: High St, Morse Rd", "Cleveland: Lorain Ave, Euclid Ave, Parma"),
    _branches("VA", "Richmond: Broad St, Hull St", "Annandale: Little River Tpke, Columbia Pike"),
    _branches("NC", "Charlotte: Central Ave, South Blvd, Trade St", "Raleigh: Capital Blvd, New Bern Ave"),
)
"""The bank's branches, a tuple a state."""

FAR_BRANCHES = (
    Branch("Nolana Ave", "McAllen", "TX", 1),
    Branch("Montana Ave", "El Paso", "TX", 2),
    Branch("Indian School Rd", "Phoenix", "AZ", 3),
    Branch("Nogales Hwy", "Tucson", "AZ", 3),
    Branch("Imperial Ave", "San Diego", "CA", 3),
    Branch("26th St", "Chicago", "IL", 1),
    Branch("Rainier Ave", "Seattle", "WA", 3),
    Branch("Federal Blvd", "Denver", "CO", 2),
)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody on the other side of a transaction, with their account where the bank sees it."""

    name: str
    account: str = ""


VASPS = (Party("Coinharbor", "7730041188"), Party("BlockFjord"), Party("Peakcoin Exchange"), Party("Satoshi Lane"))
VASP_WEIGHTS = (0.55, 0.2, 0.15, 0.1)
"""Exchanges for virtual assets; the first is popular, and has one account for the money of all its customers."""
SOCIAL_SECURITY = Party("US Treasury — SSA")
_HEALTH, _WAREHOUSES = Party("Keystone Regional Health System"), Party("Tri-State Fulfillment Centers")
EMPLOYERS = {
    "Registered nurse": _HEALTH,
    "Home health aide": _HEALTH,
    "Warehouse supervisor": _WAREHOUSES,
    "Delivery driver": _WAREHOUSES,
}
"""Whose payroll most customers of a trade are on."""
CARD_NETWORK = Party("Unicard Payment Network", "9900120000")
"""Through whose one account half the customers pay their card bills."""
BRANDS = (Party("RideHail"), Party("Prepaid card reload"), Party("CityNight Classifieds"))
"""What anybody may buy from: rides, prepaid cards, advertisements."""

KNOWN = frozenset(party.name for party in (*VASPS, SOCIAL_SECURITY, *EMPLOYERS.values(), CARD_NETWORK, *BRANDS))
"""Names that many cases know and that connect nobody."""
