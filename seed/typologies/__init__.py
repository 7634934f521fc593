"""The typologies of the data set, each with its transactions, its odds and its words."""

from __future__ import annotations

from seed.typologies import accounts, cash, wires
from seed.typologies.base import RISKS, SCORES, Customer, Finding, Ledger, Profile, Scene, Typology

TYPOLOGIES = (
    cash.STRUCTURING,
    wires.PASS_THROUGH,
    accounts.MULE,
    cash.CASH_BUSINESS,
    cash.FUNNEL,
    accounts.ELDER_SCAM,
    accounts.CHECK_FRAUD,
    wires.LAYERING,
    accounts.DORMANT,
    accounts.ON_RAMP,
    wires.TRADE,
    accounts.OFF_RAMP,
    cash.TRAFFICKING,
    wires.TRANSSHIPMENT,
    accounts.ELDER_TRUST,
)
WEIGHTS = tuple(typology.weight / 100 for typology in TYPOLOGIES)

__all__ = [
    "RISKS",
    "SCORES",
    "TYPOLOGIES",
    "WEIGHTS",
    "Customer",
    "Finding",
    "Ledger",
    "Profile",
    "Scene",
    "Typology",
]
