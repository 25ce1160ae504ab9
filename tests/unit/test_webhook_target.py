"""Which URLs a webhook may have, in which words others are refused, and what names may resolve to."""

from __future__ import annotations

import asyncio
import socket
import threading
from ipaddress import ip_address

import pytest

from cellblock.errors import RequestRefused
from cellblock.webhooks import Admission
from cellblock.webhooks.addresses import is_public
from cellblock.webhooks.network import Lookups, LookupsBusyError
from cellblock.webhooks.target import TargetError, parse
from receivers import PUBLIC

pytestmark = pytest.mark.anyio

SECRET = "s"
INVALID = "invalid webhook URL"
NO_HTTPS = "webhook_url must use HTTPS (set CELLBLOCK_ALLOW_LOCALHOST_WEBHOOKS=true for dev mode)"
NO_HOST = "webhook_url missing host"
LOCALHOST = "webhook_url cannot target localhost"
PRIVATE = "webhook_url cannot target private/loopback IPs"


class Names:
    """A resolver that knows what a test tells it."""

    def __init__(self, **names: list[str]) -> None:
        self.names = {name.replace("_", "."): addresses for name, addresses in names.items()}
        self.asked: list[str] = []

    async def __call__(self, name: str, _scope: str):
        self.asked.append(name)
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [ip_address(text) for text in self.names[name]]


async def refusal(
    url: str, secret: str | None = SECRET, *, allow_localhost: bool = False, **names: list[str]
):
    admission = Admission(Names(**names), allow_localhost=allow_localhost)
    with pytest.raises(RequestRefused) as refused:
        await admission.admit(url, secret, "")
    assert refused.value.status == 400
    return refused.value.message


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", INVALID),
        ("example.com/hook", INVALID),
        ("//example.com/hook", INVALID),
        ("not a url", INVALID),
        ("https://a b/", INVALID),
        (" https://a.test/", INVALID),
        ("https://a.test/\n", INVALID),
        ("https://a.test/\x00", INVALID),
        ("https://a.test/\u2003x", INVALID),
        ("https://a.test/\ud800", INVALID),
        ("https://a.test\\@127.0.0.1/", INVALID),
        ("https:\\\\a.test/", INVALID),
        ("https://user@a.test/", INVALID),
        ("https://user:word@a.test/", INVALID),
        ("https://a.test@127.0.0.1/", INVALID),
        ("https://a.test:0/", INVALID),
        ("https://a.test:65536/", INVALID),
        ("https://a.test:+80/", INVALID),
        ("https://a.test:\u0661/", INVALID),
        ("https://a..test/", INVALID),
        ("https://-a.test/", INVALID),
        ("https://a.test../", INVALID),
        ("https://%6cocalhost/", INVALID),
        (f"https://{'a' * 64}.test/", INVALID),
        (f"https://{'a.' * 126}test/", INVALID),
        ("https://[::1/", INVALID),
        ("https://[::1]x/", INVALID),
        ("https://x[::1]/", INVALID),
        ("https://[fe80::1%25eth0]/", INVALID),
        ("https://[::g]/", INVALID),
        ("https://[1.2.3.4]/", INVALID),
        ("https://1.2.3.4.5/", INVALID),
        ("https://256.1.1.1/", INVALID),
        ("https://a.test.123/", INVALID),
        ("https://xn--\u00fc.test/", INVALID),
        ("https://a.test/" + "x" * 1986, INVALID),
        ("https://a.test/" + "\u00fc" * 993, INVALID),
        ("http://a.test/", NO_HTTPS),
        ("ftp://a.test/", NO_HTTPS),
        ("javascript:alert(1)", NO_HTTPS),
        ("localhost:3000/hook", NO_HTTPS),
        ("file:///etc/passwd", NO_HTTPS),
        ("http://127.0.0.1/", NO_HTTPS),
        ("http:///path", NO_HTTPS),
        ("https://", NO_HOST),
        ("https:///path", NO_HOST),
        ("https:a.test", NO_HOST),
        ("https://:443/", NO_HOST),
        ("https://./", NO_HOST),
        ("https://localhost/", LOCALHOST),
        ("https://LOCALHOST:8443/", LOCALHOST),
        ("HTTPS://localhost./", LOCALHOST),
        ("https://app.localhost/", LOCALHOST),
        ("https://\uff4cocalhost/", LOCALHOST),
        ("https://127.0.0.1/", PRIVATE),
        ("https://127.0.0.1./", PRIVATE),
        ("https://127.1/", PRIVATE),
        ("https://2130706433/", PRIVATE),
        ("https://0x7f000001/", PRIVATE),
        ("https://0X7F.1/", PRIVATE),
        ("https://0177.0.0.1/", PRIVATE),
        ("https://127.0.0.0x1/", PRIVATE),
        ("https://\u2460\u2461\u2466.0.0.1/", PRIVATE),
        ("https://127\u30020\u30020\u30021/", PRIVATE),
        ("https://0.0.0.0/", PRIVATE),
        ("https://0/", PRIVATE),
        ("https://10.1.2.3/", PRIVATE),
        ("https://172.31.0.1/", PRIVATE),
        ("https://192.168.0.1/", PRIVATE),
        ("https://169.254.169.254/latest/meta-data", PRIVATE),
        ("https://100.64.0.1/", PRIVATE),
        ("https://198.18.0.1/", PRIVATE),
        ("https://224.0.0.1/", PRIVATE),
        ("https://240.0.0.1/", PRIVATE),
        ("https://255.255.255.255/", PRIVATE),
        ("https://[::]/", PRIVATE),
        ("https://[::1]/", PRIVATE),
        ("https://[::ffff:10.0.0.1]/", PRIVATE),
        ("https://[::ffff:7f00:1]/", PRIVATE),
        ("https://[::127.0.0.1]/", PRIVATE),
        ("https://[64:ff9b::a9fe:a9fe]/", PRIVATE),
        ("https://[64:ff9b:1::7f00:1]/", PRIVATE),
        ("https://[2002:7f00:1::]/", PRIVATE),
        ("https://[2001:0:a00:1::]/", PRIVATE),
        ("https://[fe80::1]/", PRIVATE),
        ("https://[fd00::1]/", PRIVATE),
        ("https://[fec0::1]/", PRIVATE),
        ("https://[ff02::1]/", PRIVATE),
        ("https://[2001:db8::1]/", PRIVATE),
        ("https://nowhere.test/", "webhook_url host 'nowhere.test' could not be resolved"),
        ("https://inside.test/", "webhook_url host 'inside.test' resolves to blocked IP 10.0.0.1"),
        ("https://both.test/", "webhook_url host 'both.test' resolves to blocked IP ::1"),
        ("https://INSIDE.test./", "webhook_url host 'inside.test' resolves to blocked IP 10.0.0.1"),
        ("https://empty.test/", "webhook_url host 'empty.test' could not be resolved"),
    ],
)
async def test_urls_that_must_not_be_called_are_refused_in_the_contracts_words(url, text):
    names = {"inside_test": ["10.0.0.1"], "both_test": [PUBLIC, "::1"], "empty_test": []}
    assert await refusal(url, **names) == text


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://a.test", "a.test", 443, "/", "a.test"),
        ("HTTPS://A.Test./x?y=1&z#part", "a.test", 443, "/x?y=1&z", "a.test"),
        ("https://a.test:443?x", "a.test", 443, "/?x", "a.test"),
        ("https://a.test:/", "a.test", 443, "/", "a.test"),
        ("https://a_b.test:8443//x", "a_b.test", 8443, "//x", "a_b.test:8443"),
        ("https://b\u00fccher.test/\u00fc", "xn--bcher-kva.test", 443, "/%C3%BC", "xn--bcher-kva.test"),
        ("https://a.test/%2F%zz<>", "a.test", 443, "/%2F%zz%3C%3E", "a.test"),
        ("https://93.184.216.34:1/", PUBLIC, 1, "/", f"{PUBLIC}:1"),
        ("https://0x5db8d822/", PUBLIC, 443, "/", PUBLIC),
        ("https://[2606:2800:220:1::1]:8443/", "2606:2800:220:1::1", 8443, "/", "[2606:2800:220:1::1]:8443"),
    ],
)
async def test_good_urls_are_taken_apart_once_and_accepted(url, host, port, path, authority):
    target = parse(url)
    assert (target.host, target.port, target.path) == (host, port, path)
    assert target.authority == authority
    names = Names()
    names.names[host] = [PUBLIC]
    await Admission(names, allow_localhost=False).admit(url, "secret", "")


async def test_a_url_may_be_2000_bytes_long():
    await Admission(Names(a_test=[PUBLIC]), allow_localhost=False).admit(
        "https://a.test/" + "x" * 1985, SECRET, ""
    )


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (None, "webhook_secret is required when webhook_url is provided"),
        ("", "webhook_secret is required when webhook_url is provided"),
        ("x" * 257, "webhook_secret must be 256 bytes or less"),
        ("\u00fc" * 129, "webhook_secret must be 256 bytes or less"),
    ],
)
async def test_secret_is_checked_before_the_url(secret, text):
    assert await refusal("not a url", secret) == text
    assert await refusal("not a url", "\u00fc" * 128) == INVALID


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1/",
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "https://localhost/",
        "https://127.9.9.9/",
    ],
)
async def test_development_setting_allows_loopback_and_looks_nothing_up(url):
    names = Names()
    admission = Admission(names, allow_localhost=True)
    await admission.admit(url, "secret", "")
    assert all(address.is_loopback for address in await admission.addresses(admission.target(url), ""))
    assert names.asked == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://a.test/", NO_HTTPS),
        ("http://10.0.0.1/", NO_HTTPS),
        ("http://", NO_HOST),
        ("ftp://localhost/", NO_HTTPS),
        ("https://10.0.0.1/", PRIVATE),
        ("https://here.test/", "webhook_url host 'here.test' resolves to blocked IP 127.0.0.1"),
    ],
)
async def test_development_setting_allows_nothing_else(url, text):
    assert await refusal(url, allow_localhost=True, here_test=["127.0.0.1"]) == text


@pytest.mark.parametrize(
    ("text", "public"),
    [
        (PUBLIC, True),
        ("2606:2800:220:1::1", True),
        (f"::ffff:{PUBLIC}", True),
        ("64:ff9b::5db8:d822", True),
        ("2002:5db8:d822::", True),
        ("2002:a00:1::", False),
        ("64:ff9b::a00:1", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth0", False),
    ],
)
def test_addresses_are_judged_by_what_they_reach(text, public):
    assert is_public(ip_address(text)) is public


def test_a_fragment_and_a_user_never_reach_the_request():
    assert parse("https://a.test/x#y").path == "/x"
    with pytest.raises(TargetError):
        parse("https://@a.test/")


async def test_a_resolver_that_hangs_costs_a_bounded_time():
    async def hang(_name: str, _scope: str):
        await asyncio.sleep(60)

    admission = Admission(hang, allow_localhost=False, resolve_timeout_s=0.05)
    with pytest.raises(RequestRefused, match=r"'a\.test' could not be resolved"):
        await admission.admit("https://a.test/", "secret", "")


async def test_lookups_block_neither_the_loop_nor_each_other_nor_the_end():
    release = threading.Event()

    def getaddrinfo(name: str, *_: object, **__: object):
        if name == "slow.test":
            release.wait(10)
        if name == "none.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))] * 2

    lookups = Lookups(getaddrinfo, 4)
    slow = asyncio.create_task(lookups("slow.test", "one"))
    assert await lookups("fast.test", "one") == [ip_address(PUBLIC)]
    with pytest.raises(OSError, match="not known"):
        await lookups("none.test", "one")
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "webhook-lookup")

    second = asyncio.create_task(lookups("slow.test", "one"))
    await asyncio.sleep(0)
    slow.cancel()  # its thread goes on
    with pytest.raises(LookupsBusyError):
        await lookups("fast.test", "one")
    busy = Admission(lookups, allow_localhost=False)
    with pytest.raises(RequestRefused, match="too many webhook hosts are being looked up") as refused:
        await busy.admit("https://fast.test/", "secret", "one")
    assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
    release.set()
    assert await second == [ip_address(PUBLIC)]
    assert await lookups("fast.test", "one") == [ip_address(PUBLIC)]


async def test_a_key_whose_names_hang_leaves_others_as_many_lookups_as_it_took():
    release = threading.Event()

    def getaddrinfo(name: str, *_: object, **__: object):
        if name == "slow.test":
            release.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))]

    lookups = Lookups(getaddrinfo, 64)
    hanging = [asyncio.create_task(lookups("slow.test", "flooding")) for _ in range(64)]
    await asyncio.sleep(0)
    refused = [task.exception() for task in hanging if task.done()]
    assert len(refused) == 32
    assert all(isinstance(error, LookupsBusyError) for error in refused)
    for scope in ("two", "three", "four"):
        await Admission(lookups, allow_localhost=False).admit("https://fast.test/", "secret", scope)
    also_hanging = [asyncio.create_task(lookups("slow.test", "two")) for _ in range(64)]
    await asyncio.sleep(0)
    assert await lookups("fast.test", "three") == [ip_address(PUBLIC)]
    release.set()
    ended = await asyncio.gather(*hanging, *also_hanging, return_exceptions=True)
    assert sum(isinstance(each, list) for each in ended) == 32 + 16
    assert await lookups("fast.test", "flooding") == [ip_address(PUBLIC)]


async def test_the_systems_resolver_knows_this_machine():
    assert ip_address("127.0.0.1") in await Lookups(socket.getaddrinfo, 1)("localhost", "")
