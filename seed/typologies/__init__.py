"""The typologies of the data set: makers of transactions, each with its odds, and with its words in a TOML file."""

from __future__ import annotations

from seed.typologies import accounts, cash, wires
from seed.typologies.base import RISKS, SCORES, Customer, Scene, Typology

TYPOLOGIES = (
    cash.structuring,
    wires.pass_through,
    accounts.mule,
    cash.cash_business,
    cash.funnel,
    accounts.elder_scam,
    accounts.check_fraud,
    wires.layering,
    accounts.dormant,
    accounts.on_ramp,
    wires.trade,
    accounts.off_ramp,
    cash.trafficking,
    wires.transshipment,
    accounts.elder_trust,
)
WEIGHTS = tuple(typology.weight / 100 for typology in TYPOLOGIES)

__all__ = ["RISKS", "SCORES", "TYPOLOGIES", "WEIGHTS", "Customer", "Scene", "Typology"]
