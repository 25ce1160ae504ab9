"""Which subordinate uids a user has, and which range is named to one who has none."""

from __future__ import annotations

import pytest

from cellblock import subids
from cellblock.subids import giving, lacking, longest_range

NAMELESS = 4_000_000


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Have the host's two files be these."""
    uids, gids = tmp_path / "subuid", tmp_path / "subgid"
    monkeypatch.setattr(subids, "TOOLS", {gids: "newgidmap", uids: "newuidmap"})
    return uids, gids


def test_ranges_are_found_by_name_or_number_the_longest_first(tmp_path):
    file = tmp_path / "subuid"
    file.write_text("somebody:1:999999\nnobody:100000:200\n\nbroken\n65534:300000:65536\nnobody:x:1\n")
    assert longest_range(file, 65534) == (300_000, 65_536)
    file.write_text("somebody:1:999999\n")
    assert longest_range(file, 65534) == (0, 0)
    assert longest_range(tmp_path / "absent", 65534) == (0, 0)


@pytest.mark.parametrize(
    ("of_uids", "of_gids", "first"),
    [
        ("", "", 100_000),
        ("a:100000:65536\nb:165536:65536\nc:231072:65536\n", "", 296_608),
        ("a:100000:65536\n", "b:165536:65536\n", 231_072),  # Debian's second and third user
        ("", "a:160000:10\n", 160_010),  # no room below
        ("a:300000:65536\n", "", 100_000),
        ("b:165536:65536\na:100000:300000\n", "", 400_000),  # one inside another
        ("a:1000:100\n", "", 100_000),
    ],
)
def test_a_user_without_uids_is_given_the_first_that_nobody_has_of_both_kinds(files, of_uids, of_gids, first):
    for file, text in zip(files, (of_uids, of_gids), strict=True):
        file.write_text(text)
    block = f"{first}-{first + 65_535}"
    assert giving(65534, [str(files[0])]) == f"usermod --add-subuids {block} --add-subgids {block} nobody"


def test_a_user_without_a_name_whom_usermod_does_not_know_is_given_them_by_lines(files):
    files[0].write_text("a:100000:65536\n")
    command = giving(NAMELESS, [str(files[1])])
    assert command == f"echo {NAMELESS}:165536:65536 | tee -a {files[1]} {files[0]}"


def test_where_all_are_given_away_that_is_said(files):
    files[1].write_text(f"a:100000:{2**31 - 100_000 - 65_535}\n")
    assert "no 65536 below 2147483648 that nobody has" in giving(65534, [str(files[1])])


def test_only_what_is_lacking_is_named_and_given(files, monkeypatch):
    files[0].write_text("nobody:100000:65536\n")
    monkeypatch.setattr(subids.shutil, "which", lambda tool: None if tool == "newgidmap" else f"/bin/{tool}")
    assert lacking(65534, 128) == ["newgidmap", str(files[1])]
    assert giving(65534, ["newgidmap"]) == "apt-get install uidmap"
    files[1].write_text("nobody:300000:128\n")
    assert lacking(65534, 128) == ["newgidmap"]
    assert lacking(65534, 129) == ["newgidmap", str(files[1])]
    assert giving(65534, ["newuidmap", str(files[1])]).startswith("apt-get install uidmap && usermod ")
