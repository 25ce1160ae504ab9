"""``cellblock keys`` as a program: beside a service or not, as root or not, used well or badly."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cellblock.store import Database

TOKEN = re.compile(r"cb_live_[A-Za-z0-9]{40}\n")
SERVICE_USER = "cellblock"


@pytest.fixture
def place():
    """A directory that every user may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="cellblock-keys-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


def keys(directory: Path, *arguments: str, python: Path | str = sys.executable, **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CELLBLOCK_")}
    return subprocess.run(
        [python, "-m", "cellblock", "keys", *arguments, "--data-dir", str(directory)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        **options,
    )


def owners(directory: Path) -> set[str]:
    return {pwd.getpwuid(path.stat().st_uid).pw_name for path in (directory, *directory.iterdir())}


def expected_owner() -> str:
    return SERVICE_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def test_create_prints_the_token_once_and_list_never_does(place):
    data = place / "data"
    made = keys(data, "create", "--name", "school", "--profile", "judge", "--profile", "executor",
                "--per-minute", "60", "--per-day", "1000", "--concurrency", "3")  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert TOKEN.fullmatch(made.stdout)
    assert "cannot be shown again" in made.stderr
    listed = keys(data, "list")
    row = next(line for line in listed.stdout.splitlines() if "school" in line).split()
    assert row[1:5] == ["school", made.stdout[:14] + "...", "judge,", "executor"]
    assert row[5:8] == ["60", "1000", "3"]
    assert "valid" in row
    assert made.stdout.strip() not in listed.stdout + listed.stderr + made.stderr


def test_whatever_is_made_belongs_to_the_services_user_and_to_nobody_else(place):
    data = place / "data"
    assert keys(data, "create", "--name", "one").returncode == 0
    assert owners(data) == {expected_owner()}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}


def test_side_files_of_an_open_database_keep_their_owner(place):
    data = place / "data"
    assert keys(data, "create", "--name", "one").returncode == 0
    opened = Database(data)
    opened.open()
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVICE_USER)
            for path in data.iterdir():
                os.chown(path, user.pw_uid, user.pw_gid)
        assert keys(data, "create", "--name", "two").returncode == 0
        assert len(list(data.iterdir())) == 3
        assert owners(data) == {expected_owner()}
    finally:
        opened.close()


def test_revoked_key_is_shown_as_such_and_its_name_is_free_again(place):
    data = place / "data"
    keys(data, "create", "--name", "one")
    taken = keys(data, "create", "--name", "one")
    assert (taken.returncode, taken.stdout) == (2, "")
    assert "the name 'one' is taken by key_" in taken.stderr
    revoked = keys(data, "revoke", "one")
    assert revoked.returncode == 0
    assert revoked.stdout.startswith("revoked key_")
    assert "the last valid key" in revoked.stderr
    again = keys(data, "revoke", "one")
    assert again.returncode == 2
    assert "was revoked already" in again.stderr
    assert keys(data, "create", "--name", "one").returncode == 0
    listed = keys(data, "list").stdout
    assert ("revoked 2" in listed, "valid" in listed) == (True, True)
    assert keys(data, "forget").stdout == "revoked keys forgotten: 1\n"
    assert "revoked" not in keys(data, "list").stdout


def test_key_can_be_revoked_by_its_id(place):
    data = place / "data"
    keys(data, "create", "--name", "one")
    key_id = re.search(r"key_[0-9a-f]{16}", keys(data, "list").stdout)[0]
    assert keys(data, "revoke", key_id).returncode == 0


def test_services_user_need_not_be_able_to_read_the_installation(place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    (closed / "venv").symlink_to(sys.prefix)
    for arguments, said in (
        (("create", "--name", "one"), "cb_live_"),
        (("list",), "valid"),
        (("revoke", "one"), "revoked key_"),
        (("list",), "revoked 2"),
        (("forget",), "revoked keys forgotten: 1"),
    ):
        done = keys(place / "data", *arguments, python=closed / "venv" / "bin" / "python")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


@pytest.mark.parametrize("arguments", [("list",), ("revoke", "one"), ("forget",)])
def test_directory_without_a_database_is_named_and_left_empty(place, arguments):
    found = keys(place / "data", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert f"there is no database in {place}/data" in found.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create",), "Missing option '--name'"),
        (("create", "--name", ""), "1 to 64 printable characters"),
        (("create", "--name", "a\nb"), "1 to 64 printable characters"),
        (("create", "--name", "key_1"), "looks like a key's id"),
        (("create", "--name=--evil"), "looks like an option"),
        (("create", "--name", "a", "--profile", "king"), "'king' is not one of 'judge', 'executor'"),
        (("create", "--name", "a", "--per-minute", "0"), "0 is not in the range 1<=x<=2147483647"),
        (("create", "--name", "a", "--per-day", "many"), "'many' is not a valid integer"),
        (("revoke",), "Missing argument 'NAME|ID'"),
        (("revoke", "nobody"), "no database"),
    ],
)
def test_wrong_use_is_explained_and_makes_nothing(place, arguments, said):
    refused = keys(place / "data", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert list(place.iterdir()) == []


def test_unknown_key_is_named(place):
    keys(place / "data", "create", "--name", "one")
    refused = keys(place / "data", "revoke", "two")
    assert refused.returncode == 2
    assert "the key 'two' does not exist; `cellblock keys list` shows all" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_user_who_owns_the_data_may_and_another_may_not(place):
    data = place / "data"
    keys(data, "create", "--name", "one")
    for user, code in ((SERVICE_USER, 0), ("nobody", 3)):
        account = pwd.getpwnam(user)
        ran = _as(account, data, "keys", "list")
        assert ran.returncode == code, ran.stderr
        if code:
            assert f"belongs to user {SERVICE_USER}; run this as root or as the user who runs" in ran.stderr


def _as(account: pwd.struct_passwd, data: Path, *arguments: str):
    """Run a command as another user, who need not be able to read the installation.

    It is run as ourselves before, so that all that it imports is there.
    """
    code = f"""
import os, sys
from cellblock.cli import main
from cellblock.store import preload
preload()
try:
    main(sys.argv[1:])
except SystemExit:
    pass
os.setgroups([]); os.setgid({account.pw_gid}); os.setuid({account.pw_uid})
main(sys.argv[1:])
"""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments, "--data-dir", str(data)],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could take somebody's data over")
def test_root_does_not_take_over_what_belongs_to_somebody_else(place):
    data = place / "data"
    data.mkdir()
    (data / "precious").write_text("")
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    refused = keys(data, "create", "--name", "one")
    assert refused.returncode == 3
    assert "belongs to user nobody" in refused.stderr
    assert [path.name for path in data.iterdir()] == ["precious"]


def test_file_that_is_no_database_is_said_to_be_none(place):
    data = place / "data"
    keys(data, "create", "--name", "one")
    for path in data.iterdir():
        path.write_bytes(b"x" * 4096)
    refused = keys(data, "list")
    assert refused.returncode == 3
    assert "could not be opened: file is not a database" in refused.stderr


def test_command_line_without_keys_does_not_load_the_database(place):
    code = "import sys, cellblock.cli; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=place).returncode == 0
