"""One attempt against receivers of every kind, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

import pytest
import trustme

from cellblock.webhooks import Admission
from cellblock.webhooks.admission import BlockedError
from cellblock.webhooks.sending import ANSWER_MAX_BYTES, Sender, SendError, Timeouts
from doubles import until
from receivers import PUBLIC, LoopbackNetwork, endless, hang_up, never, receiving, status

pytestmark = pytest.mark.anyio

SHORT = Timeouts(connect_s=0.5, total_s=1.0)
TOO_LONG = f"longer than {ANSWER_MAX_BYTES} bytes"
HEADERS = [("content-type", "application/json")]


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return ("asyncio", {"use_uvloop": request.param})


def sender(network: LoopbackNetwork | None = None, timeouts: Timeouts = SHORT) -> Sender:
    network = network or LoopbackNetwork()
    return Sender(Admission(network.resolve, allow_localhost=True), network.network, timeouts)


async def post(url: str, body: bytes = b"{}", **more: object) -> int:
    return await sender(**more).post(url, HEADERS, [body], len(body), scope="")


async def test_request_arrives_whole_and_the_status_comes_back():
    async with receiving(status(204)) as receiver:
        pieces = [b"x" * 100_000, b"", b"\xc3\xbc", b"y" * 3]
        assert await sender().post(receiver.url, HEADERS, pieces, sum(map(len, pieces)), scope="") == 204
    call = receiver.calls[0]
    assert call.line == "POST /hook?of=test HTTP/1.1"
    assert call.body == b"".join(pieces)
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert call.headers["content-length"] == str(len(call.body))
    assert call.headers["content-type"] == "application/json"


def test_an_attempt_has_5_s_to_connect_and_10_s_in_all():
    assert Timeouts() == Timeouts(connect_s=5.0, total_s=10.0)


async def test_redirect_is_an_answer_and_nothing_else_is_contacted():
    async with receiving(status(200)) as other, receiving(status(302, f"location: {other.url}")) as receiver:
        assert await post(receiver.url) == 302
        assert other.connections == 0


async def test_provisional_answers_are_passed_over():
    async def answer(_call, writer):
        for line in (b"100 Continue", b"103 Early Hints", b"201 Made"):
            writer.write(b"HTTP/1.1 " + line + b"\r\n\r\n")

    async with receiving(answer) as receiver:
        assert await post(receiver.url) == 201


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (never, "no answer within 1 s"),
        (hang_up, "the connection was closed without an answer"),
        (
            endless(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n" * 64),
            TOO_LONG,
        ),
        (endless(b"HTTP/1.1 200 OK\r\nx-long: ", b"x" * 4096), TOO_LONG),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 64), TOO_LONG),
        (endless(b"SSH-2.0-nothing\r\n", b"\r\n"), "the answer is no HTTP"),
    ],
    ids=["never", "hang up", "endless headers", "endless header", "endless 100", "no HTTP"],
)
async def test_bad_receiver_is_a_failure_that_names_itself_and_its_connection_ends(answer, text):
    async with receiving(answer) as receiver:
        started_s = time.monotonic()
        with pytest.raises(SendError, match=text):
            await post(receiver.url)
        assert time.monotonic() - started_s < 5
        if answer is not never:  # whose handler does not look at the connection
            await until(lambda: not receiver.open)


async def test_endless_body_is_not_read():
    async with receiving(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)) as receiver:
        assert await post(receiver.url) == 200
        await until(lambda: not receiver.open)


async def test_a_receiver_that_answers_without_reading_is_listened_to():
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    assert await post(url, b"x" * 30_000_000) == 413
    server.close()


async def test_a_receiver_that_never_reads_costs_the_time_of_one_attempt():
    async def serve(_reader, writer):
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    with pytest.raises(SendError, match="no answer within 1 s"):
        await post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"x" * 30_000_000)
    server.close()


async def test_refused_connection_says_so():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(SendError, match="no connection: Connection refused"):
            await post(f"http://127.0.0.1:{unused.getsockname()[1]}/")


async def test_a_connection_that_never_comes_about_is_given_up_early():
    class Silent(LoopbackNetwork):
        async def connect(self, _address, _port):
            await asyncio.sleep(60)

    with pytest.raises(SendError, match=r"no connection within 0\.5 s"):
        await post("http://127.0.0.1/", network=Silent())


async def test_unresolvable_name_may_be_resolvable_later():
    with pytest.raises(SendError, match=r"webhook_url host 'gone\.test' could not be resolved"):
        await post("https://gone.test/")


async def test_rebound_name_is_never_connected_to():
    network = LoopbackNetwork()
    network.names["rebind.test"] = [[PUBLIC], ["127.0.0.1"]]
    wanted = sender(network)
    await wanted._admission.admit("https://rebind.test/", "secret", "")
    with pytest.raises(BlockedError, match=r"resolves to blocked IP 127\.0\.0\.1"):
        await wanted.post("https://rebind.test/", HEADERS, [b"{}"], 2, scope="")
    assert network.connected == []


async def test_one_bad_address_among_good_ones_is_enough_to_refuse():
    network = LoopbackNetwork()
    network.names["both.test"] = [[PUBLIC, "10.0.0.1"]]
    with pytest.raises(BlockedError, match=r"blocked IP 10\.0\.0\.1"):
        await post("https://both.test/", network=network)
    assert network.connected == []


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_https_pins_the_checked_address_and_goes_by_the_name(authority, trusting):
    asked: list[str] = []
    context = serving(authority, "hooks.test")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiving(status(200), tls=context) as receiver:
        network = LoopbackNetwork(receiver.port, trusting)
        network.names["hooks.test"] = [[PUBLIC], ["127.0.0.1"]]  # whoever looked twice would be misled
        body = b"z" * 3_000_000
        assert await post("https://hooks.test:8443/in", body, network=network) == 200
    assert network.connected == [(PUBLIC, 8443)]
    assert network.lookups == ["hooks.test"]
    assert asked == ["hooks.test"]
    assert receiver.calls[0].headers["host"] == "hooks.test:8443"
    assert receiver.calls[0].body == body


async def test_second_address_is_tried_when_the_first_is_dead(authority, trusting):
    class HalfDead(LoopbackNetwork):
        async def connect(self, address, port):
            connecting = super().connect(address, port) if str(address) == PUBLIC else asyncio.sleep(60)
            return await connecting

    async with receiving(status(200), tls=serving(authority, "hooks.test")) as receiver:
        network = HalfDead(receiver.port, trusting)
        network.names["hooks.test"] = [["2606:2800:220:1::1", PUBLIC]]
        assert await post("https://hooks.test/", network=network, timeouts=Timeouts(connect_s=1.0)) == 200


@pytest.mark.parametrize("case", ["other name", "unknown authority"])
async def test_certificate_that_does_not_fit_is_a_failure_and_nothing_is_sent(case, authority, trusting):
    issuer = authority if case == "other name" else trustme.CA()
    name = "other.test" if case == "other name" else "hooks.test"
    async with receiving(status(200), tls=serving(issuer, name)) as receiver:
        network = LoopbackNetwork(receiver.port, trusting)
        network.names["hooks.test"] = [[PUBLIC]]
        with pytest.raises(SendError, match="the certificate was not accepted"):
            await post("https://hooks.test/", network=network)
        assert receiver.calls == []


async def test_plain_http_where_tls_was_expected_is_a_failure(trusting):
    async with receiving(status(200)) as receiver:
        with pytest.raises(SendError, match="no connection"):
            await post(
                f"https://localhost:{receiver.port}/", network=LoopbackNetwork(receiver.port, trusting)
            )


async def test_stalled_tls_handshake_counts_as_connecting(trusting):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(SendError, match=r"no connection within 0\.5 s"):
            await post(url, network=LoopbackNetwork(0, trusting))
