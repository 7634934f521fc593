"""A bundle that the desk and verify.py accept unpacks, with whatever program, to the files that they looked at."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.errors import UnreadableFile
from app.exports import audit_csv, bundle
from app.exports.bundle.verify import Unreadable, read_zip
from tests.bundles import EVENTS, FILES, ZIP, ZIP_NAME, tampered, zipped
from tests.lives import SAMPLED_ID, rehashed

TRAIL, SUMMARY = f"audit_{SAMPLED_ID}.csv", f"case_{SAMPLED_ID}.md"
FORGED = audit_csv.write_csv(rehashed([*EVENTS[:-1], tampered(EVENTS[-1], "notes", "Nothing to see.")]))
RAW = zipped({TRAIL: FORGED}, level=0)
HEADER, DIRECTORY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def accepted(data: bytes) -> dict[str, bytes] | None:
    """The files that both read in a zip, or None where both refuse it."""
    try:
        files = read_zip(data)
    except Unreadable:
        with pytest.raises(UnreadableFile):
            bundle.verify_file(data, ZIP_NAME)
        return None
    assert bundle.verify_file(data, ZIP_NAME).verdict is bundle.Verdict.COMPARE
    return files


# --- zips in zips ---


def at(data: bytes, offset: int, comment: int = 0) -> bytes:
    """A zip as it has to be where it starts at this offset of another, and this many bytes follow it."""
    moved = bytearray(data)
    entries, size, start = struct.unpack_from("<HLL", moved, len(moved) - 12)
    place = start
    for _ in range(entries):
        names = sum(struct.unpack_from("<3H", moved, place + 28))
        struct.pack_into("<L", moved, place + 42, struct.unpack_from("<L", moved, place + 42)[0] + offset)
        place += 46 + names
    struct.pack_into("<LLH", moved, len(moved) - 10, size, start + offset, comment)
    return bytes(moved)


def holding(name: str, hidden: bytes) -> bytes:
    """The bundle with a whole zip in one of its files, byte for byte, which ends with the bundle itself."""
    whole = zipped({**FILES, name: FILES[name] + hidden}, level=0)
    offset = whole.index(hidden)
    rest = len(whole) - offset - len(hidden)
    return zipped({**FILES, name: FILES[name] + at(hidden, offset, rest)}, level=0)


def two_ends() -> bytes:
    """The end of a larger zip (ZIP64) tells of the bundle's directory; the usual one, of one hidden in README.txt."""
    whole = holding("README.txt", RAW)
    entries, size, start = struct.unpack_from("<HLL", whole, whole.index(END) + 10)
    real = struct.unpack_from("<HLL", whole, len(whole) - 12)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, real[0], real[0], real[1], real[2])
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(whole) - 22, 1)
    return whole[:-22] + end64 + locator + struct.pack("<4s4H2LH", END, 0, 0, entries, entries, size, start, 0)


def at_the_end_of_larger_zips(end: bytes) -> bytes:
    """The last 22 bytes say, as ZIP64 has it, that another record knows better."""
    real = struct.unpack_from("<HLL", ZIP, len(ZIP) - 12)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, real[0], real[0], real[1], real[2])
    return ZIP[:-22] + end64 + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(ZIP) - 22, 1) + end


def in_another_order() -> bytes:
    """Its directory lists the files the other way round."""
    *entries, last = ZIP[ZIP.index(DIRECTORY) : -22].split(DIRECTORY)[1:]
    turned = b"".join(DIRECTORY + entry for entry in (last, *reversed(entries)))
    return ZIP[: ZIP.index(DIRECTORY)] + turned + ZIP[-22:]


def without_in_directory(name: str) -> bytes:
    """A file that stands before the directory, which does not name it."""
    start = ZIP.index(DIRECTORY)
    entries = [entry for entry in ZIP[start:-22].split(DIRECTORY)[1:] if not entry.endswith(name.encode())]
    directory = b"".join(DIRECTORY + entry for entry in entries)
    return ZIP[:start] + directory + struct.pack("<4s4H2LH", END, 0, 0, *[len(entries)] * 2, len(directory), start, 0)


def only_in_directory() -> bytes:
    """A second entry of the directory for the same bytes, under the name of the summary."""
    data = without_in_directory(SUMMARY)
    start = data.index(DIRECTORY)
    entry = data[start : data.index(DIRECTORY, start + 1)]
    other = entry[:28] + struct.pack("<H", len(SUMMARY)) + entry[30:46] + SUMMARY.encode()
    directory = data[start:-22] + other
    end = struct.pack("<4s4H2LH", END, 0, 0, *[len(FILES)] * 2, len(directory), start, 0)
    return data[:start] + directory + end


SMALLER_END = struct.pack("<4s4H2LH", END, *[0xFFFF] * 4, *[0xFFFFFFFF] * 2, 0)

ACCEPTED: Mapping[str, bytes] = {
    "as the desk packs it": ZIP,
    "as it packs it on Windows": zipped(FILES, system=0),
    "not compressed": zipped(FILES, level=0),
    **{f"with a zip in {name}": holding(name, RAW) for name in (SUMMARY, "verify.py", "audit.html", "README.txt")},
    "with a zip of another kind in it": holding("README.txt", at_the_end_of_larger_zips(ZIP[-22:])),
}
"""Whatever stands in files that no hash covers."""

REFUSED: Mapping[str, bytes] = {
    "two ends": two_ends(),
    "the end of larger zips": at_the_end_of_larger_zips(ZIP[-22:]),
    "no other end than that": at_the_end_of_larger_zips(SMALLER_END),
    "another order in its directory": in_another_order(),
    "a file that its directory has not": without_in_directory("README.txt"),
    "a file that only its directory has": only_in_directory(),
    "a zip before it": RAW + at(ZIP, len(RAW)),
    "a zip after it": ZIP[:-2] + struct.pack("<H", len(RAW)) + at(RAW, len(ZIP)),
    "a tar as well": zipped({"README.txt": b"0" * 480, **dict(list(FILES.items())[:-1])}, level=0),
    "a disc as well": zipped({**FILES, "README.txt": b"CD001" * 20_000}, level=0),
    "both systems": ZIP[: ZIP.rindex(DIRECTORY) + 5] + b"\0" + ZIP[ZIP.rindex(DIRECTORY) + 6 :],
}


def test_what_could_be_unpacked_in_two_ways_is_refused() -> None:
    assert [what for what, data in ACCEPTED.items() if not accepted(data)] == []
    assert [what for what, data in REFUSED.items() if accepted(data)] == []


def test_python_itself_obeys_the_end_that_others_do_not_know() -> None:
    """So that the worst of them is crafted right: one program shows the bundle, and the next a forgery."""
    data = two_ends()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read(TRAIL) == FILES[TRAIL]
    size, start = struct.unpack_from("<LL", data, len(data) - 10)
    with zipfile.ZipFile(io.BytesIO(data[: start + size] + data[-22:])) as archive:
        assert archive.read(TRAIL) == FORGED != FILES[TRAIL]


def test_no_byte_outside_of_the_streams_can_be_another() -> None:
    place = 0
    while ZIP[place : place + 4] == HEADER:
        packed, _, name = struct.unpack_from("<LLH", ZIP, place + 18)
        headers = range(place, place + 30 + name)
        place = headers.stop + packed
        for byte in headers:
            _none_other(byte)
    for byte in range(place, len(ZIP)):
        _none_other(byte)


def _none_other(byte: int) -> None:
    for other in {ZIP[byte] ^ 1, ZIP[byte] ^ 0x20, ZIP[byte] ^ 0x80, 0, 0xFF} - {ZIP[byte]}:
        assert accepted(ZIP[:byte] + bytes([other]) + ZIP[byte + 1 :]) is None, (byte, other)


NAMES = (
    *("readme.txt", "README.TXT", "README.txt.", "README.txt ", " README.txt", "README.txt\n", "README.tx\0", "CON"),
    *(
        "./README.txt",
        "/README.txt",
        "README.txt/",
        "x/../README.txt",
        "..\\README.txt",
        "C:README.txt",
        "README.txt:x",
    ),
    *(
        TRAIL.upper(),
        TRAIL.lower(),
        TRAIL.replace("0", "\u0660"),
        "\uff32EADME.txt",
        "README\u200b.txt",
        "verify.py\u0301",
    ),
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_two_names_in_a_zip_could_be_one_file_to_some_system(name: str) -> None:
    for files in ({**FILES, name: b""}, {name: FILES["README.txt"], **FILES}):
        data = zipped({each.replace("\0", "_"): content for each, content in files.items()})
        assert accepted(data.replace(b"README.tx_", b"README.tx\0")) is None


# --- the programs ---

UNPACKERS = (
    *("unzip -qo {}", "7zz x -y {}", "busybox unzip -qo {}", "bsdtar -xf {}", "jar xf {}"),
    *("busybox unzip -qo -", "bsdtar -xf -", "jar x"),
)
"""What unpacks a file into the folder that it runs in. Where none is named, it comes by standard input."""


@pytest.mark.parametrize("command", UNPACKERS)
def test_what_is_accepted_unpacks_to_the_files_that_were_looked_at(command: str, tmp_path: Path) -> None:
    """A program may also refuse it; then nothing else has appeared."""
    program, *arguments = command.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed, which would show what it makes of bundles")
    for number, (what, data) in enumerate(ACCEPTED.items()):
        file, folder = tmp_path / f"{number}.zip", tmp_path / str(number)
        file.write_bytes(data)
        folder.mkdir()
        with file.open("rb") as stream:
            done = subprocess.run(
                [program, *(argument.format(file) for argument in arguments)],
                cwd=folder,
                stdin=stream,
                capture_output=True,
                timeout=60,
                check=False,
            )
        unpacked = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        looked_at = accepted(data)
        assert looked_at is not None
        assert unpacked.items() <= looked_at.items(), what
        assert done.returncode or unpacked == looked_at, what
        assert number or unpacked == looked_at, done.stderr
