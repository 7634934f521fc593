"""A wire between desk and server that can be cut, and can lose a commit.

It is a process of its own: while pyodbc asks a server what the parameters of an array are, no other thread of the
desk's process runs, and one that has to pass on the answer would wait for ever.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.managers import BaseManager
from typing import cast

COMMIT = "COMMIT TRANSACTION".encode("utf-16-le")


class Wire:
    """Passes on what goes between desk and server, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._loses: str | None = None
        self._swallowing: socket.socket | None = None
        self._lost = 0
        self._up = True
        threading.Thread(target=self._accept, daemon=True).start()

    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def lose(self, what: str) -> None:
        """Lose one commit: `sent` (it never arrives) or `answer` (it arrives, and nobody is told)."""
        self._loses = what

    def lost(self) -> int:
        """Return how many commits were lost."""
        return self._lost

    def connections(self) -> int:
        """Return how many were made."""
        return len(self._ends) // 2

    def cut(self) -> None:
        """The server is gone."""
        self._up = False
        self._hang_up(*self._ends)

    def mend(self) -> None:
        self._up = True

    def _accept(self) -> None:
        while True:
            desk, _ = self._listener.accept()
            if not self._up:
                desk.close()
                continue
            server = socket.create_connection(self._target)
            self._ends += [desk, server]
            threading.Thread(target=self._pass_on, args=(desk, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, desk, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, from_desk: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if from_desk and self._loses and COMMIT in data:
                    loses, self._loses = self._loses, None
                    self._lost += 1
                    if loses == "answer":
                        self._swallowing = target
                        target.sendall(data)
                        continue
                    break
                if not from_desk and self._swallowing is source:
                    break
                target.sendall(data)
        self._hang_up(source, target)

    @staticmethod
    def _hang_up(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class _Elsewhere(BaseManager):
    """Holds a wire in another process."""


_Elsewhere.register("Wire", Wire)


@contextmanager
def wire_to(host: str, port: int) -> Iterator[Wire]:
    """A wire to this server; it ends with the context."""
    with _Elsewhere(ctx=multiprocessing.get_context("spawn")) as elsewhere:
        yield cast(Wire, elsewhere.Wire(host, port))  # type: ignore[attr-defined]
