"""Who files: the bank, its transmitter, its contact and its branches, as FinCEN's SAR file names them. Pure; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.errors import InvalidInput
from app.text import digits, flat

Code = TypeVar("Code")

REGULATORS: Mapping[str, str] = {
    "CFTC": "9",
    "Federal Reserve": "1",
    "FDIC": "2",
    "FHFA": "13",
    "IRS": "7",
    "NCUA": "3",
    "OCC": "4",
    "SEC": "6",
    "none": "99",
}
"""FinCEN's code of a primary federal regulator, by the name that the settings use."""

INSTITUTIONS: Mapping[str, int] = {
    "depository institution": 2,
    "insurance company": 3,
    "money services business": 4,
    "loan or finance company": 11,
    "housing GSE": 12,
}
"""FinCEN's code of the institution's type, by the name that the settings use. Casinos and brokers need a subtype too,
which the desk does not write."""

ID_TYPES: Mapping[str, str] = {
    "CRD": "10",
    "IARD": "11",
    "NFA": "12",
    "SEC": "13",
    "RSSD": "14",
    "NAIC": "32",
    "NMLS": "33",
}
"""FinCEN's code of a number that an institution has, by the name that the settings use."""


@dataclass(frozen=True, slots=True)
class Address:
    """`country` is a code as in ISO 3166, of two letters; `zip_code` digits alone."""

    street: str
    city: str
    state: str
    zip_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Branch:
    """An office where activity can occur. `name` is how the transactions' places name it; `rssd` may be empty."""

    name: str
    address: Address
    rssd: str = ""


@dataclass(frozen=True, slots=True)
class Filer:
    """Who files. Taxpayer numbers and phone numbers are digits alone; `id_type` and `id_number` may be empty.

    `regulator` and `institution` are FinCEN's codes. A demonstration says so in its files' names.
    """

    name: str
    tin: str
    regulator: str
    institution: int
    address: Address
    transmitter_name: str
    transmitter_tin: str
    transmitter_code: str
    transmitter_address: Address
    transmitter_phone: str
    transmitter_contact: str
    contact_office: str
    contact_phone: str
    id_type: str = ""
    id_number: str = ""
    branches: tuple[Branch, ...] = ()
    is_demo: bool = False


_ADDRESS = ("street", "city", "state", "zip", "country")
_KEYS = (
    *("name", "tin", "regulator", "institution", *_ADDRESS),
    *("transmitter_name", "transmitter_tin", "transmitter_code"),
    *(f"transmitter_{part}" for part in _ADDRESS),
    *("transmitter_phone", "transmitter_contact", "contact_office", "contact_phone"),
)
_OPTIONAL = ("id_type", "id_number", "branches")
_BRANCH_KEYS = ("name", *_ADDRESS)


def read_filer(settings: Mapping[str, Any]) -> Filer:
    """Return the filer that a mapping names, as the settings' `[sar]` does: texts by key, `branches` a list of such.

    Raises InvalidInput that names each key which is missing, unknown or has no such value, in one sentence each.
    """
    wrong: list[str] = []
    _check_keys("", settings, _KEYS, _OPTIONAL, wrong)
    texts = {key: _one_line(settings.get(key)) for key in (*_KEYS, *_OPTIONAL)}
    branches = _read_branches(settings.get("branches", []), wrong)
    _check_values(texts, wrong)
    if wrong:
        raise InvalidInput(" ".join(wrong))
    return Filer(
        name=texts["name"],
        tin=digits(texts["tin"]),
        regulator=_coded(REGULATORS, texts["regulator"]) or "",
        institution=_coded(INSTITUTIONS, texts["institution"]) or 0,
        address=_address(texts, ""),
        transmitter_name=texts["transmitter_name"],
        transmitter_tin=digits(texts["transmitter_tin"]),
        transmitter_code=texts["transmitter_code"].upper(),
        transmitter_address=_address(texts, "transmitter_"),
        transmitter_phone=digits(texts["transmitter_phone"]),
        transmitter_contact=texts["transmitter_contact"],
        contact_office=texts["contact_office"],
        contact_phone=digits(texts["contact_phone"]),
        id_number=texts["id_number"],
        id_type=_coded(ID_TYPES, texts["id_type"]) or "",
        branches=branches,
    )


def _check_keys(
    where: str, found: Mapping[str, Any], needed: tuple[str, ...], optional: tuple[str, ...], wrong: list[str]
) -> None:
    wrong += [f"{where}{key} is missing." for key in needed if not _one_line(found.get(key))]
    wrong += [f"{where}{key} is no setting of [sar]." for key in found if key not in (*needed, *optional)]


def _check_values(texts: Mapping[str, str], wrong: list[str]) -> None:
    """What is there but cannot be: each key once, in a sentence."""
    for key in ("tin", "transmitter_tin"):
        if texts[key] and len(digits(texts[key])) != 9:
            wrong.append(f"{key} needs nine digits.")
    for key in ("transmitter_phone", "contact_phone"):
        if texts[key] and not 7 <= len(digits(texts[key])) <= 16:
            wrong.append(f"{key} needs a phone number of 7 to 16 digits.")
    if texts["transmitter_code"] and not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{7}", texts["transmitter_code"]):
        wrong.append("transmitter_code needs the eight characters of a Transmitter Control Code.")
    codes: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("regulator", REGULATORS),
        ("institution", INSTITUTIONS),
        ("id_type", ID_TYPES),
    )
    wrong += [
        f"{key} is one of: {', '.join(known)}." for key, known in codes if texts[key] and not _coded(known, texts[key])
    ]
    if bool(texts["id_type"]) is not bool(texts["id_number"]):
        wrong.append("id_type and id_number go together.")
    for before in ("", "transmitter_"):
        _check_address(before, texts, wrong)


def _check_address(before: str, texts: Mapping[str, str], wrong: list[str]) -> None:
    country, zip_code = texts[f"{before}country"], texts[f"{before}zip"]
    if country and not re.fullmatch(r"[A-Za-z]{2}", country):
        wrong.append(f"{before}country needs a code of two letters.")
    if country.upper() == "US" and zip_code and len(digits(zip_code)) not in (5, 9):
        wrong.append(f"{before}zip needs five or nine digits.")
    if country.upper() == "US" and texts[f"{before}state"] and len(texts[f"{before}state"]) != 2:
        wrong.append(f"{before}state needs two letters.")


def _read_branches(rows: object, wrong: list[str]) -> tuple[Branch, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        wrong.append("branches is a list of tables.")
        return ()
    found = []
    for number, row in enumerate(rows, start=1):
        where = f"branches[{number}]."
        _check_keys(where, row, _BRANCH_KEYS, ("rssd",), wrong)
        texts = {key: _one_line(row.get(key)) for key in (*_BRANCH_KEYS, "rssd")}
        of_branch: list[str] = []
        _check_address("", texts, of_branch)
        wrong += [where + sentence for sentence in of_branch]
        found.append(Branch(texts["name"], _address(texts, ""), digits(texts["rssd"])))
    return tuple(found)


def _address(texts: Mapping[str, str], before: str) -> Address:
    country, zip_code = texts[f"{before}country"].upper(), texts[f"{before}zip"]
    return Address(
        texts[f"{before}street"],
        texts[f"{before}city"],
        texts[f"{before}state"].upper(),
        digits(zip_code) if country == "US" else re.sub(r"[\s-]", "", zip_code),
        country,
    )


def _coded(known: Mapping[str, Code], text: str) -> Code | None:
    return next((code for name, code in known.items() if name.casefold() == text.casefold()), None)


def _one_line(value: object) -> str:
    """The value as a text on one line; a whole number, as TOML may have one, too."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return flat(value) if isinstance(value, str) else ""


_DEMO_ADDRESS = Address("1 Example Plaza", "Anytown", "NY", "10001", "US")

DEMO_FILER = Filer(
    name="DEMONSTRATION BANK, NOT A REAL BANK",
    tin="000000000",
    regulator=REGULATORS["OCC"],
    institution=INSTITUTIONS["depository institution"],
    address=_DEMO_ADDRESS,
    transmitter_name="DEMONSTRATION TRANSMITTER, NOT REAL",
    transmitter_tin="000000000",
    transmitter_code="PDEMO000",
    transmitter_address=_DEMO_ADDRESS,
    transmitter_phone="2125550100",
    transmitter_contact="DEMONSTRATION CONTACT, NOT A REAL PERSON",
    contact_office="DEMONSTRATION OFFICE, NOT REAL",
    contact_phone="2125550101",
    is_demo=True,
)
"""Who files in the demonstration: made up, and so named."""
