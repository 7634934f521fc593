"""The tree in tiles: what Go reads in them, and that nothing damaged or foreign is ever taken for the log's.

`data/tlog.json` was made once by a Go program with golang.org/x/mod/sumdb/tlog v0.17.0. It made the trees by itself
(StoredHashes, TreeHash, NewTiles, ReadTileData), and read the folders that `Writer` had written through its
TileHashReader, which checks each tile against the head; the proofs are what ProveRecord and ProveTree made of those.
The data of leaf i are SHA-256 of i as decimal text. Go's paths say the height of a tile too (tile/8/…), which
c2sp.org/tlog-tiles leaves out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import BrokenTile
from app.log import merkle, tiles

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "tlog.json").read_text("utf-8"))


def leaf(number: int) -> bytes:
    return merkle.leaf_hash(sha256(str(number).encode()).digest())


def grow(log: Path, size: int, edge: tiles.Edge | None = None) -> tiles.Edge:
    """Write the tiles of a log of this size, of which `edge` was there already."""
    edge = edge or tiles.Edge()
    writer = tiles.Writer(log, log / "draft")
    for number in range(edge.size, size):
        writer.write(edge.append(leaf(number)))
    writer.write(edge.partial())
    writer.install()
    writer.tidy()
    return edge


def files(log: Path) -> dict[str, bytes]:
    return {path.relative_to(log).as_posix(): path.read_bytes() for path in (log / "tile").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folder of each log that Go read, by its size."""
    folder = tmp_path_factory.mktemp("logs")
    for told in VECTORS["logs"]:
        grow(folder / str(told["size"]), told["size"])
    return {told["size"]: folder / str(told["size"]) for told in VECTORS["logs"]}


@pytest.mark.parametrize("told", VECTORS["logs"], ids=lambda told: str(told["size"]))
def test_the_tiles_are_those_that_go_makes_and_reads(logs: dict[int, Path], told: dict[str, Any]) -> None:
    found = {name: sha256(data).hexdigest() for name, data in files(logs[told["size"]]).items()}
    listing = "".join(f"{name} {digest}\n" for name, digest in sorted(found.items()))
    assert {name: digest for name, digest in found.items() if ".p/" in name} == told["partial"]
    assert (len(found), sha256(listing.encode()).hexdigest()) == (told["tiles"], told["sha256_of_all"])
    tiles.Tiles(logs[told["size"]], told["size"], bytes.fromhex(told["head"]))  # raises where they do not lead there


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_proofs_from_tiles_are_those_that_go_makes_of_them(logs: dict[int, Path], kind: str) -> None:
    spans = merkle.inclusion_spans if kind == "inclusion" else merkle.consistency_spans
    heads = {told["size"]: bytes.fromhex(told["head"]) for told in VECTORS["logs"]}
    for told in VECTORS[kind]:
        size, place = told["size"], told["place"]
        read = tiles.Tiles(logs[size], size, heads[size])
        assert [node.hex() for node in read.heads(spans(place, size))] == told["hashes"]


def test_a_tile_is_where_go_looks_for_it() -> None:
    for told, path in VECTORS["paths"].items():
        number, width = map(int, told.split())
        assert tiles.path(1, number, width) == path


@settings(max_examples=20)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=4).map(sorted))
def test_however_a_log_grew_its_readers_of_every_size_find_the_same(sizes: list[int]) -> None:
    """Of one size after the other; partial tiles go when they are filled, and who needs them reads the full one."""
    with tempfile.TemporaryDirectory() as folder:
        log, edge, heads = Path(folder), tiles.Edge(), {}
        for size in sizes:
            edge = grow(log, size, edge)
            heads[size] = edge.head()
        whole = merkle.Tree()
        for number in range(sizes[-1]):
            whole.append(sha256(str(number).encode()).digest())
        assert edge.head() == whole.head()
        for size, head in heads.items():
            if size:
                proof = tiles.Tiles(log, size, head).heads(merkle.inclusion_spans(size - 1, size))
                merkle.verify_inclusion(leaf(size - 1), size - 1, size, proof, head)
        filled = {f"{name}.p" for name in files(log) if ".p/" not in name}
        assert filled.isdisjoint(name.rpartition("/")[0] for name in files(log))


# --- damaged, missing, foreign ---


def flip_a_bit(tile: Path) -> None:
    data = tile.read_bytes()
    tile.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def cut_a_hash(tile: Path) -> None:
    tile.write_bytes(tile.read_bytes()[:-32])


def take_away(tile: Path) -> None:
    tile.unlink()


def put_a_folder_there(tile: Path) -> None:
    tile.unlink()
    tile.mkdir()


def take_another_logs(tile: Path) -> None:
    width = len(tile.read_bytes()) // 32
    tile.write_bytes(b"".join(merkle.leaf_hash(bytes([number])) for number in range(width)))


ATTACKS = (flip_a_bit, cut_a_hash, take_away, put_a_folder_there, take_another_logs)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"])
def test_a_tile_that_is_not_the_logs_is_named_and_never_trusted(
    logs: dict[int, Path], tmp_path: Path, name: str, attack: Callable[[Path], None]
) -> None:
    log = tmp_path / "log"
    shutil.copytree(logs[600], log)
    head = grow(tmp_path / "other", 600).head()
    attack(log / name)
    with pytest.raises(BrokenTile, match=f"{name}.*checkpoint --full"):
        for index in range(600):
            tiles.Tiles(log, 600, head).heads(merkle.inclusion_spans(index, 600))


def test_two_full_tiles_in_each_others_place_are_found(logs: dict[int, Path], tmp_path: Path) -> None:
    log = tmp_path / "log"
    shutil.copytree(logs[600], log)
    one, other = (log / "tile/0/000").read_bytes(), (log / "tile/0/001").read_bytes()
    (log / "tile/0/000").write_bytes(other)
    (log / "tile/0/001").write_bytes(one)
    read = tiles.Tiles(log, 600, grow(tmp_path / "other", 600).head())
    assert read.leaf(599) == leaf(599)
    with pytest.raises(BrokenTile, match="does not add up"):
        read.leaf(0)


def test_the_tiles_of_a_log_are_not_those_of_another_head(logs: dict[int, Path]) -> None:
    with pytest.raises(BrokenTile, match="000.p/2.*adds up to the head"):
        tiles.Tiles(logs[600], 600, bytes(32))
