"""What leaves together, and what is never kept back."""

from __future__ import annotations

import pytest

from cellblock.app.answer_head import HeadWithBody

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class Transport:
    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.seen.append(data)

    def close(self) -> None:
        self.seen.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.seen


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
def answers(transport):
    return HeadWithBody(transport)


def test_head_leaves_with_the_first_of_the_body_and_the_rest_as_it_comes(answers, transport):
    for data in (HEAD, b"one", b"two", b"three"):
        answers.write(data)
    answers.end()
    assert transport.seen == [HEAD + b"one", b"two", b"three"]


def test_next_answer_has_a_head_of_its_own(answers, transport):
    for body in (b"one", b"two"):
        answers.write(HEAD)
        answers.write(body)
        answers.end()
    assert transport.seen == [HEAD + b"one", HEAD + b"two"]


def test_answer_without_a_body_leaves_at_its_end(answers, transport):
    answers.write(HEAD)
    assert transport.seen == []
    answers.end()
    assert transport.seen == [HEAD]


def test_empty_body_brings_the_head_along(answers, transport):
    answers.write(HEAD)
    answers.write(b"")
    assert transport.seen == [HEAD]


def test_word_to_go_on_is_not_kept_back_and_is_no_head(answers, transport):
    answers.write(GO_ON)
    assert transport.seen == [GO_ON]
    answers.write(HEAD)
    answers.write(b"body")
    assert transport.seen == [GO_ON, HEAD + b"body"]


def test_connection_that_is_closed_gets_what_there_is_before(answers, transport):
    answers.write(HEAD)
    assert not answers.is_closing()
    answers.close()
    assert transport.seen == [HEAD, "closed"]
    assert answers.is_closing()
