"""Which other cases a case is connected with, through its customer, an account or a name, and how strongly.

Two cases are connected where they have a key in common (`case_keys`), whatever it is to each of them: a counterparty of
the one may be the customer of the other, by name or by account. So where the money of a case ends at the customer of
another one, both cases say so.

A key that many know connects nobody: a payroll, a card network, an exchange. What counts is how many other customers'
cases know it: of an account more than one in fifty of the desk's cases are too many, of a name, which says less, more
than one in a hundred. Up to LEAST never are, as a ring in a small desk is a large part of it; more than MOST always
are, as nobody looks through them. The cases of one customer count once, however many they are. An account of which too
little is shown connects nobody either: every ten-thousandth account ends in the same four digits.

Every query is bounded: by the keys of the case, COMMON other cases for each key, and what is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto

from app import rows
from app.case_keys import KeyKind, searched
from app.database import PerEngine, Row, Transaction
from app.models import Case

COMMON = 50
"""Other cases with a key are counted up to one more than this: "50+"."""
LEAST, MOST = 5, 20
"""Other customers who may know a key that connects: a share of the desk's cases, at least LEAST, at most MOST."""
SHOWN, SHOWN_OWN = 24, 6
"""Cases of other customers, and of the same one."""
TELLING = 6
"""Letters and digits of an account that have to be seen for it to be told from others."""


class Strength(IntEnum):
    """What a tie rests on, the strongest first."""

    CUSTOMER = auto()
    """Both cases are of one customer."""
    ACCOUNT = auto()
    """They know the same account, be it their customers' or on the other side."""
    PARTY = auto()
    """The one's customer has the name of somebody on the other side of the other."""
    NAME = auto()
    """Both have the same name on the other side."""
    NAMESAKE = auto()
    """Their customers, who have different ids, have the same name."""


@dataclass(frozen=True, slots=True)
class Tie:
    """Something that two cases share: its key, what it is to this case and to the other, and how many cases know it.

    `cases` counts this case too. The tie of cases of one customer has no key.
    """

    strength: Strength
    key: str = ""
    here: KeyKind = KeyKind.CUSTOMER
    there: KeyKind = KeyKind.CUSTOMER
    cases: int = 0

    @property
    def rank(self) -> tuple[int, int, str]:
        """Return what ties are sorted by, the strongest first: a name that few know says more."""
        return self.strength, self.cases, self.key


@dataclass(frozen=True, slots=True)
class Known:
    """A key of a case that connects it with nobody, and how many other cases know it, at most COMMON + 1."""

    key: str
    others: int


@dataclass(frozen=True, slots=True)
class Connections:
    """The cases that one is connected with, the strongest connection first, as far as they are shown."""

    cases: rows.Cases
    ties: Mapping[str, Sequence[Tie]]
    """Of each case by its id, the strongest first."""
    more: int
    """Connected cases of other customers that are left out, as weaker."""
    more_own: int
    """Cases of the same customer that are left out, as older: at most COMMON."""
    common: Sequence[Known]
    """Keys that too many know."""
    vague: Sequence[Known]
    """Accounts that other cases know, too, and of which too little is shown."""


def most_customers(cases: int, of_account: bool) -> int:
    """Return how many other customers may know an account, or a name, that connects, in a desk of so many cases."""
    return max(LEAST, min(MOST, cases // (50 if of_account else 100)))


def is_account(kind: KeyKind, key: str) -> bool:
    """Say whether it is an account, or reads like one rather than a name on the other side: by six digits or more."""
    if kind is KeyKind.COUNTERPARTY:
        return sum(one.isdigit() for one in key) >= TELLING
    return kind is KeyKind.ACCOUNT


def is_vague(kind: KeyKind, key: str) -> bool:
    """Say whether it is an account of which too little is shown to tell it from others."""
    return kind is KeyKind.ACCOUNT and sum(one.isalnum() for one in key) < TELLING


# --- queries ---

COUNT_CASES = PerEngine(
    sqlserver="SELECT COUNT(*) FROM (SELECT TOP (2000) 1 AS one FROM cases) AS counted",
    sqlite="SELECT COUNT(*) FROM (SELECT 1 AS one FROM cases LIMIT 2000) AS counted",
)
"""As many as it takes for MOST."""

SELECT_OWN = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ?
ORDER BY opened_at DESC, case_id DESC
OFFSET 0 ROWS FETCH NEXT 51 ROWS ONLY
""",
    sqlite="""
SELECT * FROM cases
WHERE customer_id = ? AND case_id <> ?
ORDER BY opened_at DESC, case_id DESC
LIMIT 51
""",
)

SELECT_KNOWN = PerEngine(
    sqlserver="""
SELECT k.kind, k.[key], (
    SELECT COUNT(*) FROM (
        SELECT TOP (51) 1 AS one FROM case_keys AS o
        WHERE o.kind IN (N'account', N'counterparty', N'customer') AND o.[key] = k.[key] AND o.case_id <> k.case_id
    ) AS counted
) AS others
FROM case_keys AS k
WHERE k.case_id = ? AND k.kind IN (N'account', N'counterparty', N'customer')
""",
    sqlite="""
SELECT k.kind, k.[key], (
    SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM case_keys AS o
        WHERE o.kind IN ('account', 'counterparty', 'customer') AND o.[key] = k.[key] AND o.case_id <> k.case_id
        LIMIT 51
    ) AS counted
) AS others
FROM case_keys AS k
WHERE k.case_id = ? AND k.kind IN ('account', 'counterparty', 'customer')
""",
)

# Of a key that more than COMMON know, SQL Server gives some of them, and SQLite none: neither reads on.
SELECT_SHARING = PerEngine(
    sqlserver="""
SELECT k.kind AS here, k.[key], o.kind AS there, o.case_id, c.customer_id
FROM case_keys AS k
CROSS APPLY (
    SELECT TOP (51) n.kind, n.case_id FROM case_keys AS n
    WHERE n.kind IN (N'account', N'counterparty', N'customer') AND n.[key] = k.[key] AND n.case_id <> k.case_id
) AS o
INNER JOIN cases AS c ON c.case_id = o.case_id
WHERE k.case_id = ? AND k.kind IN (N'account', N'counterparty', N'customer')
""",
    sqlite="""
SELECT k.kind AS here, k.[key], o.kind AS there, o.case_id, c.customer_id
FROM case_keys AS k
CROSS JOIN case_keys AS o
CROSS JOIN cases AS c
WHERE k.case_id = ? AND k.kind IN ('account', 'counterparty', 'customer')
AND (
    SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM case_keys AS n
        WHERE n.kind IN ('account', 'counterparty', 'customer') AND n.[key] = k.[key] AND n.case_id <> k.case_id
        LIMIT 51
    ) AS counted
) <= 50
AND o.kind IN ('account', 'counterparty', 'customer') AND o.[key] = k.[key] AND o.case_id <> k.case_id
AND c.case_id = o.case_id
""",
)

SELECT_SHOWN = """
SELECT * FROM cases
WHERE case_id IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


# --- what they mean ---


@dataclass(frozen=True, slots=True)
class _Sharing:
    """That another case has a key of this one: what the key is to each of them."""

    here: KeyKind
    there: KeyKind
    case_id: str
    customer_id: str


def known(tx: Transaction, case_id: str, names: Iterable[str]) -> dict[str, int]:
    """Return of each of the case's counterparties, by its name, how many other cases know it: at most COMMON + 1."""
    counted = _counted(tx, case_id)
    return {name: counted.get((KeyKind.COUNTERPARTY, searched(name)), 0) for name in names}


def of_case(tx: Transaction, case: Case) -> Connections:
    """Return what connects the case with others."""
    own = tx.fetch_all(SELECT_OWN, (case.customer_id, case.case_id))
    counted = _counted(tx, case.case_id)
    sharing = _sharing(tx, case.case_id)
    size = int(tx.fetch_val(COUNT_CASES))
    ties: dict[str, list[Tie]] = defaultdict(list)
    common: dict[str, int] = {}
    vague: dict[str, int] = {}
    for (kind, key), others in sorted(counted.items()):
        found = [one for one in sharing[key] if one.here is kind and one.customer_id != case.customer_id]
        if is_vague(kind, key):
            if found or others > COMMON:
                vague[key] = others
        elif others > COMMON or len({one.customer_id for one in found}) > most_customers(size, is_account(kind, key)):
            common[key] = others
        else:
            number = 1 + len({one.case_id for one in sharing[key]})
            for one in found:
                ties[one.case_id].append(Tie(_strength(one, key), key, kind, one.there, number))
    ranked = sorted(ties, key=lambda case_id: _rank(ties[case_id], case_id))
    cases = rows.Cases([*own[:SHOWN_OWN], *_in_order(tx, ranked[:SHOWN])])
    of_own = {str(row["case_id"]): [Tie(Strength.CUSTOMER)] for row in own}
    return Connections(
        cases,
        of_own | {case_id: sorted(ties[case_id], key=lambda tie: tie.rank) for case_id in ranked[:SHOWN]},
        more=max(0, len(ranked) - SHOWN),
        more_own=max(0, len(own) - SHOWN_OWN),
        common=_most_known(common),
        vague=_most_known(vague),
    )


def _counted(tx: Transaction, case_id: str) -> dict[tuple[KeyKind, str], int]:
    """Return of each key of the case how many other cases have it, in whatever part, at most COMMON + 1."""
    found = tx.stream_tuples(SELECT_KNOWN, (case_id,))
    return {(KeyKind(kind), key): int(others) for kind, key, others in found}


def _sharing(tx: Transaction, case_id: str) -> dict[str, list[_Sharing]]:
    """Return by key which other cases have it, where not too many do."""
    found: dict[str, list[_Sharing]] = defaultdict(list)
    for here, key, there, other, customer_id in tx.stream_tuples(SELECT_SHARING, (case_id,)):
        found[key].append(_Sharing(KeyKind(here), KeyKind(there), other, customer_id))
    return found


def _strength(one: _Sharing, key: str) -> Strength:
    parts = {one.here, one.there}
    if KeyKind.ACCOUNT in parts:
        return Strength.ACCOUNT
    if parts == {KeyKind.COUNTERPARTY}:
        return Strength.ACCOUNT if is_account(one.here, key) else Strength.NAME
    return Strength.PARTY if KeyKind.COUNTERPARTY in parts else Strength.NAMESAKE


def _rank(ties: Sequence[Tie], case_id: str) -> tuple[int, int, int, str, str]:
    """Return what cases are sorted by: their strongest tie, then how many there are, then how few cases know it."""
    best = min(ties, key=lambda tie: tie.rank)
    return best.strength, -len(ties), best.cases, best.key, case_id


def _in_order(tx: Transaction, case_ids: Sequence[str]) -> list[Row]:
    """Return the rows of these cases, SHOWN at most, in this order."""
    if not case_ids:
        return []
    found = tx.fetch_all(SELECT_SHOWN, [*case_ids, *[""] * (SHOWN - len(case_ids))])
    by_id = {row["case_id"]: row for row in found}
    return [by_id[case_id] for case_id in case_ids if case_id in by_id]


def _most_known(keys: Mapping[str, int]) -> list[Known]:
    return [Known(key, keys[key]) for key in sorted(keys, key=lambda key: (-keys[key], key))]
