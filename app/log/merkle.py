"""The transparency log over all events: an RFC 6962 Merkle tree, and proofs about it. Pure; no I/O.

The leaves are the events in `event_id` order; a leaf's data is the 32 bytes of an event's hash. RFC 6962, section 2.1:

    MTH({})     = SHA-256()
    MTH({d(0)}) = SHA-256(0x00 || d(0))
    MTH(D[n])   = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])),  k the largest power of two below n

Every hash here is 32 bytes, never hex. From leaves, a head or a proof takes one pass over them, and memory for one
hash a level of the tree; from tiles (tiles.py), a proof takes a few of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from app.errors import InvalidProof

HASH_SIZE = 32
EMPTY_HEAD = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A Merkle tree that grows leaf by leaf, of which only the heads of its full subtrees are kept."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []
        """Heads of full subtrees from left to right: one for each bit that is set in `size`, the largest first."""

    def append(self, data: bytes) -> None:
        """Add a leaf by its data."""
        node = sha256(b"\x00" + data).digest()
        size = self.size
        while size & 1:
            node = sha256(b"\x01" + self._subtrees.pop() + node).digest()
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def head(self) -> bytes:
        """Return MTH of the leaves so far."""
        return head_of_subtrees(self._subtrees)


def subtree_head(nodes: Sequence[bytes]) -> bytes:
    """Return the head over neighbouring hashes of one row of the tree, whose number is a power of two."""
    row = list(nodes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


def head_of_subtrees(subtrees: Sequence[bytes]) -> bytes:
    """Return the head of a tree from the heads of its full subtrees, of which each is larger than the next."""
    if not subtrees:
        return EMPTY_HEAD
    node = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        node = node_hash(left, node)
    return node


def full_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the full subtrees that a span of leaves consists of, the largest first: first leaf, and levels above it.

    The span starts at a multiple of the power of two that its size needs, as all do that a proof is made of.
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield start, height
        start += 1 << height


def inclusion_proof(leaves: Iterable[bytes], index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]) from the data of the leaves, of which `size` are read; the leaf's sibling first.

        PATH(0, {d(0)}) = {}
        PATH(m, D[n])   = PATH(m, D[0:k]) : MTH(D[k:n])       for m < k
                          PATH(m - k, D[k:n]) : MTH(D[0:k])   for m >= k

    Raises ValueError where a leaf that it takes is not there, or `index` is not below `size`.
    """
    return heads(leaves, inclusion_spans(index, size))


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """Return of which leaves (from, up to) each hash of an inclusion proof is the head. Raises as `inclusion_proof`."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    spans: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_proof(leaves: Iterable[bytes], old_size: int, size: int) -> list[bytes]:
    """Return PROOF(old_size, D[size]) from the data of the leaves, of which the first `size` are read.

        PROOF(m, D[n])          = SUBPROOF(m, D[n], true)
        SUBPROOF(m, D[m], true) = {}
        SUBPROOF(m, D[m], b)    = {MTH(D[m])}
        SUBPROOF(m, D[n], b)    = SUBPROOF(m, D[0:k], b) : MTH(D[k:n])           for m <= k
                                  SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])   for m > k

    Raises ValueError where a leaf that it takes is not there, or `old_size` is not between 1 and `size`.
    """
    return heads(leaves, consistency_spans(old_size, size))


def consistency_spans(old_size: int, size: int) -> list[tuple[int, int]]:
    """Return of which leaves (from, up to) each hash of a consistency proof is the head.

    Raises ValueError as `consistency_proof`.
    """
    if not 0 < old_size <= size:
        raise ValueError(f"a tree of {old_size} has no proof of consistency with one of {size}")
    spans: list[tuple[int, int]] = []
    start, end = 0, size
    while end > old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def head_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the head of the tree of `size` leaves in which the proof puts a leaf (given by its hash) at `index`.

    The algorithm of RFC 9162, section 2.1.3.2, which verifies the proofs of RFC 6962. Raises InvalidProof where no
    tree of that size has such a proof.
    """
    if not 0 <= index < size:
        raise InvalidProof(f"there is no leaf {index} in a tree of {size}")
    node, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            raise InvalidProof(f"it has {len(proof)} hashes, more than a tree of {size} has levels")
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        index >>= 1
        last >>= 1
    if last:
        raise InvalidProof(f"it has {len(proof)} hashes, too few for a tree of {size}")
    return node


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], head: bytes) -> None:
    """Check that a leaf (given by its hash) is at `index` in the tree with this size and head. Raises InvalidProof."""
    if (found := head_of_inclusion(leaf, index, size, proof)) != head:
        raise InvalidProof(f"it leads to the head {found.hex()} instead of {head.hex()}")


def verify_consistency(old_size: int, old_head: bytes, size: int, head: bytes, proof: Sequence[bytes]) -> None:
    """Check that the first tree is the beginning of the second (RFC 9162, section 2.1.4.2). Raises InvalidProof."""
    if not 0 < old_size <= size:
        raise InvalidProof(f"a tree of {old_size} is not the beginning of one of {size}")
    if old_size == size:
        if proof or old_head != head:
            raise InvalidProof(f"two trees of {size} have the heads {old_head.hex()} and {head.hex()}")
        return
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_head)
    if not hashes:
        raise InvalidProof(f"it is empty, though {old_size} is not {size}")
    index, last = old_size - 1, size - 1
    while index & 1:
        index >>= 1
        last >>= 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise InvalidProof(f"it has {len(proof)} hashes, more than a tree of {size} has levels")
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        index >>= 1
        last >>= 1
    if last:
        raise InvalidProof(f"it has {len(proof)} hashes, too few for a tree of {size}")
    for found, expected in ((old, old_head), (new, head)):
        if found != expected:
            raise InvalidProof(f"it leads to the head {found.hex()} instead of {expected.hex()}")


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is above 1."""
    return 1 << (size - 1).bit_length() - 1


def heads(leaves: Iterable[bytes], spans: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return MTH of each span of leaves, in the order of the spans, which do not overlap; one pass over the leaves.

    A span starts at a multiple of the power of two that its size needs, so its head is that of a tree of its own.
    """
    order = sorted(range(len(spans)), key=lambda number: spans[number])
    heads: dict[int, bytes] = {}
    remaining = enumerate(leaves)
    for number in order:
        start, end = spans[number]
        tree = Tree()
        for position, data in remaining:
            if position >= start:
                tree.append(data)
            if position == end - 1:
                break
        if tree.size < end - start:
            raise ValueError(f"there is no leaf {start + tree.size}")
        heads[number] = tree.head()
    return [heads[number] for number in range(len(spans))]
