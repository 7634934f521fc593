"""The Merkle tree of RFC 6962: heads and proofs as published, every proof of every small tree, and forged ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidProof
from app.log import merkle

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "rfc6962.json").read_text("utf-8"))
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
HEADS = [bytes.fromhex(head) for head in VECTORS["heads"]]
LARGE = [bytes([number]) * 32 for number in range(70)]


def hexes(hashes: list[bytes]) -> list[str]:
    return [node.hex() for node in hashes]


def mth(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962, section 2.1, writes it down: by recursion."""
    if len(leaves) < 2:
        return sha256(b"\x00" + leaves[0]).digest() if leaves else sha256().digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def head(leaves: list[bytes]) -> bytes:
    tree = merkle.Tree()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.size == len(leaves)
    return tree.head()


# --- as published ---


@pytest.mark.parametrize("size", range(9))
def test_each_head_is_the_published_one(size: int) -> None:
    assert head(LEAVES[:size]) == HEADS[size]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']} in {case['size']}")
def test_each_inclusion_proof_is_the_published_one(case: dict[str, Any]) -> None:
    index, size = case["index"], case["size"]
    proof = merkle.inclusion_proof(LEAVES, index, size)
    assert hexes(proof) == case["proof"]
    merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, HEADS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old_size']} in {case['size']}")
def test_each_consistency_proof_is_the_published_one(case: dict[str, Any]) -> None:
    old_size, size = case["old_size"], case["size"]
    proof = merkle.consistency_proof(LEAVES, old_size, size)
    assert hexes(proof) == case["proof"]
    merkle.verify_consistency(old_size, HEADS[old_size], size, HEADS[size], proof)


# --- every small tree ---


@pytest.mark.parametrize("size", range(1, len(LARGE) + 1))
def test_every_proof_of_every_tree_holds_and_is_of_that_place_alone(size: int) -> None:
    root = head(LARGE[:size])
    assert root == mth(LARGE[:size])
    for index in range(size):
        leaf = merkle.leaf_hash(LARGE[index])
        proof = merkle.inclusion_proof(iter(LARGE), index, size)
        merkle.verify_inclusion(leaf, index, size, proof, root)
        for other in {index - 1, index + 1, index ^ 2, size, -1} - {index}:
            with pytest.raises(InvalidProof):
                merkle.verify_inclusion(leaf, other, size, proof, root)
    for old_size in range(1, size + 1):
        proof = merkle.consistency_proof(iter(LARGE), old_size, size)
        merkle.verify_consistency(old_size, head(LARGE[:old_size]), size, root, proof)


def test_a_head_takes_memory_for_one_hash_a_level() -> None:
    tree = merkle.Tree()
    for number in range(1000):
        tree.append(number.to_bytes(4, "big"))
    assert tree._subtrees.__len__() == (1000).bit_count()


# --- forged ---


def forged(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Proofs that differ a little: a bit, an order, one more, one less."""
    for at, node in enumerate(proof):
        yield [*proof[:at], bytes([node[0] ^ 1]) + node[1:], *proof[at + 1 :]]
        yield [*proof[:at], node[:-1] + bytes([node[-1] ^ 0x80]), *proof[at + 1 :]]
        yield [*proof[:at], *proof[at + 1 :]]
        yield [*proof[:at], node, *proof[at:]]
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]
    if len(proof) > 1:
        yield proof[::-1]


@given(st.integers(1, 70), st.data())
def test_no_forged_inclusion_proof_holds(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, root = merkle.leaf_hash(LARGE[index]), head(LARGE[:size])
    proof = merkle.inclusion_proof(LARGE, index, size)
    for bad in forged(proof):
        with pytest.raises(InvalidProof):
            merkle.verify_inclusion(leaf, index, size, bad, root)
    for other in range(1, 71):
        if other != size:
            with pytest.raises(InvalidProof):
                merkle.verify_inclusion(leaf, index, other, proof, head(LARGE[:other]))
    with pytest.raises(InvalidProof):
        merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)


@given(st.integers(1, 70), st.data())
def test_no_forged_consistency_proof_holds(size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, size))
    old_root, root = head(LARGE[:old_size]), head(LARGE[:size])
    proof = merkle.consistency_proof(LARGE, old_size, size)
    for bad in forged(proof):
        with pytest.raises(InvalidProof):
            merkle.verify_consistency(old_size, old_root, size, root, bad)
    if old_size < size:
        with pytest.raises(InvalidProof):
            merkle.verify_consistency(old_size, old_root, size, root, [])
    rewritten = head([b"x", *LARGE[1:size]])
    for old, new in ((rewritten, root), (old_root, rewritten), (root, old_root)):
        if (old, new) != (old_root, root):
            with pytest.raises(InvalidProof):
                merkle.verify_consistency(old_size, old, size, new, proof)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    """The second preimage that RFC 6962 prefixes leaves and nodes against."""
    left, right = merkle.leaf_hash(LARGE[0]), merkle.leaf_hash(LARGE[1])
    assert head([left + right]) != head(LARGE[:2])


def test_a_proof_has_as_many_hashes_as_its_tree_has_levels_though_the_heads_be_right() -> None:
    """The heads are those to which it leads, as a forger would have chosen them."""
    a, b, c, d = LARGE[:4]
    node, old, new = merkle.node_hash, merkle.node_hash(c, a), merkle.node_hash(c, merkle.node_hash(a, b))
    for index, size, proof, root in ((0, 1, [b], node(b, a)), (0, 2, [b, c], node(c, node(a, b))), (0, 2, [], a)):
        with pytest.raises(InvalidProof, match="more than|too few"):
            merkle.verify_inclusion(a, index, size, proof, root)
    for old_size, old_head, size, new_head, proof in (
        (3, node(d, old), 4, node(d, new), [a, b, c, d]),
        (3, a, 4, node(a, b), [a, b]),
        (3, a, 4, a, []),
    ):
        with pytest.raises(InvalidProof, match="more than|too few|is empty"):
            merkle.verify_consistency(old_size, old_head, size, new_head, proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        merkle.inclusion_proof(LARGE, index, size)
    with pytest.raises(InvalidProof, match="there is no leaf"):
        merkle.head_of_inclusion(bytes(32), index, size, [])


@pytest.mark.parametrize(("old_size", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_proof_of_a_tree_that_is_not_the_beginning(old_size: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no proof of consistency"):
        merkle.consistency_proof(LARGE, old_size, size)
    with pytest.raises(InvalidProof, match="is not the beginning"):
        merkle.verify_consistency(old_size, bytes(32), size, bytes(32), [])


def test_a_proof_about_leaves_that_are_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no leaf 5"):
        merkle.inclusion_proof(LARGE[:5], 0, 8)
    with pytest.raises(ValueError, match="there is no leaf 5"):
        merkle.consistency_proof(LARGE[:5], 4, 8)


def test_a_refusal_says_what_was_found_and_expected() -> None:
    proof = merkle.inclusion_proof(LARGE, 3, 8)
    with pytest.raises(InvalidProof) as refusal:
        merkle.verify_inclusion(merkle.leaf_hash(b"other"), 3, 8, proof, HEADS[8])
    assert HEADS[8].hex() in str(refusal.value)
    assert merkle.head_of_inclusion(merkle.leaf_hash(b"other"), 3, 8, proof).hex() in str(refusal.value)
