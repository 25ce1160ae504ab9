"""An answer's head leaves with the first of its body: one system call and one packet instead of two."""

from __future__ import annotations

import asyncio

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class HeadWithBody:
    """What uvicorn writes the answers of one connection to, one after the other."""

    __slots__ = ("_begun", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._begun = False

    def write(self, data: bytes) -> None:
        """Keep the head of an answer back; write what comes after it."""
        if self._begun:
            self._transport.write(self._head + data if self._head else data)
            self._head = b""
        elif data == _GO_ON:  # no answer yet
            self._transport.write(data)
        else:
            self._head, self._begun = data, True

    def end(self) -> None:
        """The answer is complete: what is kept back of it, for it has no body, is written."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._begun = False

    def close(self) -> None:
        """Write what there is of the answer, and close the connection."""
        self.end()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether the connection is closed or will be when all is written."""
        return self._transport.is_closing()
