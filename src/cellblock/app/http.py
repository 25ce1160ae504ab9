"""HTTP/1.1 as uvicorn speaks it, with bounds and deadlines for clients that are slow, broken or hostile.

uvicorn parses, starts the application and writes its answers; this class watches where a connection
stands and ends it when a bound is passed. A connection reads one request after the other:

    between ──first byte──▶ head ──headers complete──▶ body ──message complete──▶ between
       (none)            (head timeout)         (body timeout + size)              (none while we work)

A deadline holds for each of them, and another for an answer that the client does not take. What this
layer refuses is answered in JSON, in the dialect of the path; then the connection is closed: half of
it first, so that the answer is not lost to a reset, the other half when the client has closed too or
two seconds have passed. Decision 0009 says why this stands on uvicorn's insides.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from cellblock.api.names import new_name
from cellblock.app.answer_head import HeadWithBody
from cellblock.app.connections import NEVER_S, Connections

_PIPELINED_MAX = 16
_TARGET_MAX_BYTES = 8192
_FIELDS_MAX = 100
_LEAST_BODY_BYTES_PER_S = 16 * 1024
_LEAST_TAKEN_BYTES = 64 * 1024
"""Of an answer, in each answer timeout."""
_LINGER_S = 2.0
_FRAMING_SHARE = 4
"""Chunk framing may add a quarter to a body, beside the bytes that a head may have."""
_RETRY_AFTER = b"retry-after: 1\r\n"
_UNAVAILABLE = 503


class _Reading(enum.Enum):
    BETWEEN = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


class _BoundPassedError(Exception):
    """Stops the parser; status and message of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.late_at_s = self.stalled_at_s = NEVER_S
        self.url = b""
        self._all = server_state
        self._bounds = server_state.bounds
        self._reading = _Reading.BETWEEN
        self._begun = False
        self._head_bytes = 0
        self._body_bytes = self._body_wire_bytes = self._body_max_bytes = 0
        self._body_began_s = 0.0
        self._untaken_bytes = 0
        self._unanswered = 0
        """Requests that came whole and have no whole answer yet."""
        self._refusal: bytes | None = None
        """The last thing that this connection will say."""
        self._upgrade_ignored = False

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The first byte is due from here on."""
        super().connection_made(transport)
        self._answers = HeadWithBody(transport)
        self.late_at_s = self.loop.time() + self._bounds.head_timeout_s
        self._all.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing behind, whoever closed."""
        self._all.forget(self)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Parse, and see to it that what is not complete stays within its bounds."""
        if self._refusal is not None:
            return
        self._unset_keepalive_if_required()
        if self._reading is _Reading.BETWEEN:
            self._expect_head()
        if self._reading is _Reading.HEAD:
            self._head_bytes += len(data)
        else:
            self._body_wire_bytes += len(data)
        if not self._fed(data):
            return
        if self._reading is _Reading.HEAD:
            if self._head_bytes > self._bounds.head_max_bytes:
                self._refuse_head()
        elif self._reading is _Reading.BODY:
            framing_bytes = self._body_wire_bytes - self._body_bytes
            if framing_bytes > self._bounds.head_max_bytes + self._body_bytes // _FRAMING_SHARE:
                self.refuse(400, "the body's chunks are too small or their extensions and trailers too long")
            elif not self.cycle.response_complete:
                self._all.hold_body(self, self._body_bytes)

    def pause_writing(self) -> None:
        """The answer waits for its client."""
        super().pause_writing()
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self.stalled_at_s = self.loop.time() + self._bounds.answer_timeout_s
        self._all.waits(self)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self.stalled_at_s = NEVER_S
        if self._unanswered:
            self._all.works(self)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came between two requests for long enough."""
        super().timeout_keep_alive_handler()
        self._closing()

    # The parser

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._reading is not _Reading.HEAD:
            self._expect_head()
        self._begun = True

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        super().on_url(url)
        if len(self.url) > _TARGET_MAX_BYTES:
            raise _BoundPassedError(
                414, f"request target too long: at most {_TARGET_MAX_BYTES} bytes are allowed"
            )

    def on_headers_complete(self) -> None:
        """Check the head before the application hears of it."""
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _BoundPassedError(400, "CONNECT is not served: this is no proxy")
            self._upgrade_ignored = True
            return
        self._check_head()
        super().on_headers_complete()
        self.cycle.transport = self._answers  # type: ignore[assignment]  # all of a transport that it uses
        # Trailers would join the headers that the application has been given.
        self.headers = []
        self._reading = _Reading.BODY
        self._body_bytes = self._body_wire_bytes = 0
        self._body_began_s = self.loop.time()
        self.late_at_s = self._body_began_s + self._bounds.body_timeout_s

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._body_max_bytes:
            raise self._body_too_large()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: the next move is ours."""
        if self._upgrade_ignored:
            return
        super().on_message_complete()
        self._reading = _Reading.BETWEEN
        self._begun = False
        self._all.release_body(self)
        if not self.cycle.response_complete:
            self.late_at_s = NEVER_S
            self._unanswered += 1
            self._all.works(self)

    # The application

    def on_response_complete(self) -> None:
        """All of an answer is with the transport."""
        self._answers.end()
        super().on_response_complete()
        if self._reading is _Reading.BODY and self.cycle.response_complete:
            # Answered before it was all sent: the rest may still come, but not for long.
            self.late_at_s = self.loop.time() + _LINGER_S
            self._all.release_body(self)
        else:
            self._unanswered -= 1
        if self._unanswered == 0:
            self._all.waits(self)
        if self.transport.is_closing():
            self._closing()
        elif self._refusal is not None and self._unanswered == 0:
            self._say_refusal()

    # Ends

    def when_late(self, now_s: float) -> None:
        """Close, refuse or grant more time; called when a deadline has passed."""
        if self.stalled_at_s != NEVER_S:
            self._when_stalled(now_s)
        elif self.transport.is_closing() or self._refusal is not None:
            self._reset()
        elif self.flow.read_paused or self._unanswered:
            # It is we who do not read on.
            self.late_at_s = now_s + self._bounds.head_timeout_s
        elif self._reading is _Reading.BODY and not self.cycle.response_complete:
            late_at_s = (
                self._body_began_s + self._bounds.body_timeout_s + self._body_bytes / _LEAST_BODY_BYTES_PER_S
            )
            if now_s < late_at_s:
                self.late_at_s = late_at_s
            else:
                self.refuse(408, "the request's body did not arrive in time")
        elif self._reading is _Reading.HEAD and self._begun:
            self.refuse(408, "the request's head did not arrive in time")
        else:
            self._all.note("idle")
            self.transport.close()
            self._closing()

    def refuse(self, status: int, message: str) -> None:
        """Say why there will be no (further) answer, after those that are still due, and close."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._all.note(str(status))
        self._refusal = self._worded(status, message)
        self._all.release_body(self)
        self.late_at_s = NEVER_S
        if self._reading is _Reading.BODY and not self._give_up_request():
            self.transport.close()
            self._closing()
        elif self._unanswered == 0:
            self._say_refusal()

    def drop(self) -> None:
        """Close at once; the connection counts no more."""
        self._all.forget(self)
        self.connections.discard(self)
        self._reset()

    def shutdown(self) -> None:
        """The service stops."""
        super().shutdown()
        if self.transport.is_closing():
            self._closing()

    # Steps

    def _expect_head(self) -> None:
        self._reading = _Reading.HEAD
        self._head_bytes = 0
        self.late_at_s = self.loop.time() + self._bounds.head_timeout_s

    def _fed(self, data: bytes) -> bool:
        """Let the parser have the data; ``False`` where that was the end."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                if isinstance(error.__context__, _BoundPassedError):
                    self.refuse(error.__context__.status, str(error.__context__))
                else:
                    self.refuse(400, f"malformed HTTP request: {error}")
                return False
            else:
                break
        return True

    def _without_upgrade(self) -> bytes:
        """Begin the request again as one that asks for no other protocol: we speak none, and may ignore it.

        The parser takes everything after such a head for the other protocol, so its body would be lost.
        """
        self._upgrade_ignored = False
        hop = {b"connection", b"upgrade", b"http2-settings"}
        fields = [(name, value) for name, value in self.headers if name not in hop]
        asked = b",".join(value.lower() for name, value in self.headers if name == b"connection")
        if b"close" in {token.strip() for token in asked.split(b",")}:
            fields.append((b"connection", b"close"))
        line = b"%b %b HTTP/%b\r\n" % (
            self.parser.get_method(), self.url, self.parser.get_http_version().encode(),
        )  # fmt: skip
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return line + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"

    def _check_head(self) -> None:
        if self._head_bytes > self._bounds.head_max_bytes:
            # The body may have come with it: only now it is worth while to measure the head itself.
            head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if head_bytes > self._bounds.head_max_bytes:
                raise self._head_too_large()
        if len(self.headers) > _FIELDS_MAX:
            raise _BoundPassedError(431, f"too many header fields: at most {_FIELDS_MAX} are allowed")
        if len(self.pipeline) >= _PIPELINED_MAX:
            raise _BoundPassedError(400, f"at most {_PIPELINED_MAX} requests may wait on one connection")
        self._body_max_bytes = self._bounds.body_max_bytes(self._path())
        for name, value in self.headers:
            if name == b"content-length" and int(value) > self._body_max_bytes:
                raise self._body_too_large()

    def _head_too_large(self) -> _BoundPassedError:
        return _BoundPassedError(
            431, f"request head too large: at most {self._bounds.head_max_bytes} bytes are allowed"
        )

    def _refuse_head(self) -> None:
        error = self._head_too_large()
        self.refuse(error.status, str(error))

    def _body_too_large(self) -> _BoundPassedError:
        return _BoundPassedError(
            413, f"request body too large: at most {self._body_max_bytes} bytes are allowed"
        )

    def _path(self) -> str:
        """Return the path as far as it is known; the root where there is none."""
        path = self.url
        if not path.startswith(b"/"):
            with contextlib.suppress(httptools.HttpParserInvalidURLError):
                path = httptools.parse_url(path).path or b""
        return path.partition(b"?")[0].decode("latin-1") if path.startswith(b"/") else "/"

    def _give_up_request(self) -> bool:
        """Take the request that is being read from the application; ``False`` where it has an answer."""
        cycle = self.cycle
        if cycle.response_started:
            return False
        cycle.disconnected = True
        cycle.message_event.set()
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        return True

    def _worded(self, status: int, message: str) -> bytes:
        name = new_name()
        body = self._bounds.error_body(self._path(), status, message, name)
        return b"".join(
            [
                STATUS_LINE[status],
                *(b"%b: %b\r\n" % header for header in self.server_state.default_headers),
                _RETRY_AFTER if status == _UNAVAILABLE else b"",
                b"x-request-id: %b\r\n" % name.encode(),
                b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
                % len(body),
                body,
            ]
        )

    def _say_refusal(self) -> None:
        if self._refusal is None or self.transport.is_closing():
            return
        self.transport.write(self._refusal)
        self.transport.write_eof()
        # What still comes is read and dropped: closing with unread data would reset the answer away.
        self.flow.resume_reading()
        self._unset_keepalive_if_required()
        self.late_at_s = self.loop.time() + _LINGER_S

    def _closing(self) -> None:
        """The connection is closed on our side; its client gets so long to take what was written."""
        self.late_at_s = self.loop.time() + self._bounds.answer_timeout_s

    def _reset(self) -> None:
        """Close now, and let the kernel forget what the client did not take."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _when_stalled(self, now_s: float) -> None:
        if now_s < self.stalled_at_s:
            return
        untaken_bytes = self.transport.get_write_buffer_size()
        if self._untaken_bytes - untaken_bytes < _LEAST_TAKEN_BYTES:
            self._all.note("stalled")
            self._reset()
        self._untaken_bytes = untaken_bytes
        self.stalled_at_s = now_s + self._bounds.answer_timeout_s
