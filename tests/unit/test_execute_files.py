"""Whatever names and encodings a request has: it is refused, or its files fit beside each other."""

from __future__ import annotations

import base64
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellblock.api.execute.files import arrange
from cellblock.api.execute.wire import FileBody
from cellblock.errors import RequestRefused

PARTS = st.sampled_from(
    ["a", "b", "main.py", ".", "..", "", "é" * 127, "x" * 255, "x" * 256, "a\0", "file1.code"]
)
NAMES = st.none() | st.lists(PARTS, max_size=5).map("/".join) | st.text(max_size=20)


@settings(max_examples=500, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=5))
def test_accepted_names_can_be_made_below_a_directory_and_none_is_lost(names):
    files = [FileBody(name=name, content=str(index)) for index, name in enumerate(names)]
    try:
        placed = arrange(files, default_name="main.py")
    except RequestRefused:
        return
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        for file in placed:
            path = root / (file.name or "main.py")
            assert path.resolve().is_relative_to(root)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as made:
                made.write(file.content)
        written = sorted(path.read_text() for path in root.rglob("*") if path.is_file())
    assert written == sorted(str(index) for index in range(len(names)))


@given(content=st.binary(max_size=200))
def test_encoded_content_comes_out_as_it_went_in(content):
    files = [
        FileBody(content="main"),
        FileBody(content=base64.b64encode(content).decode(), encoding="base64"),
        FileBody(content=content.hex(), encoding="hex"),
    ]
    assert [file.content for file in arrange(files, default_name="main.py")[1:]] == [content, content]


@given(content=st.text(max_size=200), encoding=st.sampled_from(["base64", "hex"]))
def test_any_text_as_an_encoding_is_decoded_or_refused(content, encoding):
    files = [FileBody(content="main"), FileBody(content=content, encoding=encoding)]
    with contextlib.suppress(RequestRefused):
        assert isinstance(arrange(files, default_name="main.py")[1].content, bytes)


def test_main_file_without_a_name_keeps_none_where_its_content_decides():
    placed = arrange([FileBody(content="1"), FileBody(content="2", name="Main.java")], default_name="")
    assert [file.name for file in placed] == ["", "Main.java"]


def test_first_text_file_is_the_main_one_whatever_stands_before_it():
    files = [
        FileBody(name="data", content="00", encoding="hex"),
        FileBody(name="main.py", content="main"),
        FileBody(name="other.py", content="other"),
    ]
    assert [file.name for file in arrange(files, default_name="x")] == ["main.py", "data", "other.py"]


def test_thousand_files_are_served_and_one_more_is_refused():
    files = [FileBody(name=f"{number}", content="") for number in range(1000)]
    assert len(arrange(files, default_name="main.py")) == 1000
    with pytest.raises(RequestRefused, match="at most 1000"):
        arrange([*files, FileBody(content="")], default_name="main.py")
