"""A file on the disk is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import files

Write = Callable[[Path, bytes], None]


def fails(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_takes_the_place_of_an_older_one_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    for data in (b"old", b"new\r\n"):
        files.put(target, data)
        assert everything(tmp_path) == {"a.csv": data}


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_where_a_file_cannot_be_written_the_older_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = tmp_path / "a.csv"
    files.put(target, b"old")
    monkeypatch.setattr(os if step == "fsync" else Path, step, fails)
    with pytest.raises(OSError, match="Input/output error"):
        files.put(target, b"new")
    assert everything(tmp_path) == {"a.csv": b"old"}


def test_a_file_takes_its_place_once_its_bytes_are_kept_and_then_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, move = os.fsync, Path.replace

    def synced(opened: int) -> None:
        done.append("a folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "bytes")
        sync(opened)

    def moved(self: Path, target: Path) -> Path:
        done.append("moved")
        return move(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", moved)
    files.put(tmp_path / "a.csv", b"new")
    assert done == ["bytes", "moved", "a folder"]


@pytest.mark.parametrize("write", [files.put, files.create])
def test_a_folder_that_cannot_be_synced_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """As on Windows, which opens no folder, and on some shares."""
    real = os.open

    def refuse(path: object, flags: int, mode: int = 0o777) -> int:
        if path == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(str(path), flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    write(tmp_path / "a.csv", b"new")
    assert everything(tmp_path) == {"a.csv": b"new"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.parametrize("write", [files.put, files.create])
def test_a_secret_is_never_readable_by_others_not_even_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes, int], None]
) -> None:
    modes: set[int] = set()
    sync = os.fsync

    def synced(opened: int) -> None:
        modes.update(path.stat().st_mode & 0o777 for path in tmp_path.iterdir())
        sync(opened)

    monkeypatch.setattr(os, "fsync", synced)
    write(tmp_path / "signing.key", b"secret", 0o600)
    assert modes == {0o600}


def test_what_is_created_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    target = tmp_path / "signing.key"
    files.create(target, b"first")
    with pytest.raises(FileExistsError):
        files.create(target, b"second")
    assert everything(tmp_path) == {"signing.key": b"first"}


def test_what_cannot_be_created_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        files.create(tmp_path / "signing.key", b"secret")
    assert everything(tmp_path) == {}


def test_a_draft_that_is_not_placed_leaves_nothing(tmp_path: Path) -> None:
    files.put(tmp_path / "a.csv", b"old")
    with pytest.raises(KeyboardInterrupt), files.draft(tmp_path / "a.csv") as new:
        new.out.write(b"new")
        new.seal()
        raise KeyboardInterrupt
    assert everything(tmp_path) == {"a.csv": b"old"}
