"""When attempts are made and whose turn it is; what is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from cellblock.webhooks.schedule import Lane, pause_ns
from cellblock.webhooks.signing import Signer

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def test_pauses_are_1_s_and_5_s_and_then_grow_to_an_hour():
    assert [pause_ns(made) // SECOND_NS for made in range(1, 8)] == [1, 5, 10, 20, 40, 80, 160]
    assert pause_ns(12) == pause_ns(10_000) == 3600 * SECOND_NS


def test_a_day_of_failures_is_few_attempts():
    made, waited_ns = 1, 0
    while (waited_ns := waited_ns + pause_ns(made)) <= DAY_NS:
        made += 1
    assert 30 < made < 40


def test_what_is_due_longest_is_taken_first_and_not_before_its_time():
    lane = Lane(at_a_time=9, at_a_time_per_host=9)
    for due_ns, host in ((30, "c"), (10, "a"), (20, "b"), (15, "a")):
        lane.put(due_ns, host, f"{host}{due_ns}")
    assert lane.take(9) is None
    assert lane.next_due_ns() == 10
    assert [lane.take(25) for _ in range(4)] == [("a", "a10"), ("a", "a15"), ("b", "b20"), None]
    assert lane.next_due_ns() == 30


def test_a_host_with_its_share_under_way_holds_up_no_other():
    lane = Lane(at_a_time=9, at_a_time_per_host=1)
    for number in range(3):
        lane.put(number, "slow", f"slow{number}")
    lane.put(100, "other", "other")
    assert lane.take(100) == ("slow", "slow0")
    assert lane.take(100) == ("other", "other")
    assert lane.next_due_ns() is None
    lane.release("slow")
    assert lane.take(100) == ("slow", "slow1")


def test_no_more_than_the_lanes_share_is_under_way():
    lane = Lane(at_a_time=2, at_a_time_per_host=2)
    for host in "abc":
        lane.put(0, host, host)
    assert lane.take(0) == ("a", "a")
    assert lane.take(0) == ("b", "b")
    assert lane.take(0) is None
    lane.release("a")
    assert lane.take(0) == ("c", "c")


def test_a_key_whose_many_hosts_never_answer_holds_up_another_by_one_turn():
    lane = Lane(at_a_time=3, at_a_time_per_host=3)
    for number in range(50):
        lane.put(number, f"dead{number}.example", f"dead{number}", "flooding")
    assert [lane.take(1000)[0] for _ in range(3)] == ["dead0.example", "dead1.example", "dead2.example"]
    lane.put(900, "fine.example", "fine", "other")
    assert lane.take(1000) is None
    lane.release("dead0.example")
    lane.release("dead1.example")
    assert [lane.take(1000), lane.take(1000)] == [("dead3.example", "dead3"), ("fine.example", "fine")]


def test_keys_that_share_a_host_take_turns_and_keep_its_bound_together():
    lane = Lane(at_a_time=9, at_a_time_per_host=1)
    for number in range(3):
        lane.put(number, "shared", f"a{number}", "a")
    lane.put(100, "shared", "b", "b")
    assert lane.take(100) == ("shared", "a0")
    assert lane.take(100) is None
    assert lane.next_due_ns() is None
    lane.release("shared")
    assert lane.next_due_ns() == 1
    taken = [lane.take(100)]
    lane.release("shared")
    taken.append(lane.take(100))
    assert sorted(taken) == [("shared", "a1"), ("shared", "b")]
    assert lane.waiting == 1


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 20), st.sampled_from("abc")),
        st.tuples(st.just("take"), st.integers(0, 25), st.just("")),
        st.tuples(st.just("release"), st.just(0), st.sampled_from("abc")),
    ),
    max_size=60,
)


@given(OPERATIONS, st.integers(1, 3), st.integers(1, 3))
def test_lane_does_what_a_plain_list_would(operations, at_a_time, per_host):
    lane = Lane(at_a_time=at_a_time, at_a_time_per_host=per_host)
    waiting: list[tuple[int, str, str]] = []
    running: list[str] = []
    for serial, (operation, number, host) in enumerate(operations):
        if operation == "put":
            waiting.append((number, host, f"{serial:03}"))
            lane.put(number, host, f"{serial:03}")
        elif operation == "release":
            if host in running:
                running.remove(host)
                lane.release(host)
        else:
            free = [entry for entry in waiting if running.count(entry[1]) < per_host]
            due_ns = min((entry[0] for entry in free), default=None) if len(running) < at_a_time else None
            assert lane.next_due_ns() == due_ns
            taken = lane.take(number)
            if due_ns is None or due_ns > number:
                assert taken is None
            else:
                entry = next(entry for entry in waiting if taken == (entry[1], entry[2]))
                assert entry in free
                assert entry[0] == due_ns
                waiting.remove(entry)
                running.append(entry[1])
        assert lane.waiting == len(waiting)


def sign(secret: str, body: bytes) -> dict[str, str]:
    timestamp_s = int(datetime.now(tz=UTC).timestamp())
    signer = Signer(secret, "msg-1", timestamp_s)
    for start in range(0, len(body), 3):
        signer.update(body[start : start + 3])
    return {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signer.header(),
    }


def test_signature_is_that_of_the_contract():
    headers = sign("a secret", b'{"x": 1}')
    signed = f"msg-1.{headers['webhook-timestamp']}.".encode() + b'{"x": 1}'
    mac = hmac.new(b"a secret", signed, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac.digest()).decode()


@pytest.mark.parametrize(
    "secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2VjcmV0IG9mIGEgdGVzdA=="]
)
def test_secret_of_the_standard_is_verified_by_both_readings(secret):
    body = '{"stdout": "4\\n", "x": "ü"}'.encode()
    headers = sign(secret, body)
    standardwebhooks.Webhook(secret).verify(body, headers)
    standardwebhooks.Webhook(secret.encode()).verify(body, headers)
    assert headers["webhook-signature"].count("v1,") == 2
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret.encode()).verify(body + b" ", headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body, {**headers, "webhook-id": "msg-2"})


def test_base64_without_padding_is_read_as_libraries_read_it():
    headers = sign("whsec_c2VjcmV0IG9mIGEgdGVzdA", b"{}")
    standardwebhooks.Webhook("whsec_c2VjcmV0IG9mIGEgdGVzdA").verify(b"{}", headers)


@pytest.mark.parametrize("secret", ["plain", "whsec_", "whsec_not base64!", "whsec_\u00fc", "whsec_abcde"])
def test_any_other_secret_signs_once_as_given(secret):
    headers = sign(secret, b"{}")
    assert headers["webhook-signature"].count("v1,") == 1
    standardwebhooks.Webhook(secret.encode()).verify(b"{}", headers)
