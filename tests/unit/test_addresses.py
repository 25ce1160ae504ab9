from __future__ import annotations

import ipaddress

import pytest

from cellblock.api.addresses import client_address, is_this_machine, subscriber

PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_from_trusted_proxies_only(peer, forwarded_for, client):
    assert client_address(peer, forwarded_for, PROXIES) == ipaddress.ip_address(client)


def test_nothing_is_believed_where_no_proxy_is_trusted():
    assert str(client_address("127.0.0.1", ["198.51.100.1"], ())) == "127.0.0.1"


def test_peer_without_an_address_has_none():
    assert client_address("", ["198.51.100.1"], PROXIES) is None


def test_subscriber_of_ipv6_is_the_whole_64():
    first, second = map(ipaddress.ip_address, ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"))
    assert subscriber(first) == subscriber(second) == "2001:db8:1:2::/64"
    assert subscriber(ipaddress.ip_address("198.51.100.1")) == "198.51.100.1/32"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:4096", "localhost.:1", "127.0.0.1", "127.8.9.1:80", "[::1]:4096", "[::1]",
     "[::ffff:127.0.0.1]:80"],
)  # fmt: skip
def test_names_of_this_machine_are_known_with_and_without_port(host):
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:4096", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1",
     "[::]:80", "[2001:db8::2]", "[2001:db8::1]:80", "localhost:80:80", "user@localhost"],
)  # fmt: skip
def test_other_names_are_not_this_machine(host):
    assert not is_this_machine(host)
