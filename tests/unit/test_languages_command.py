"""``cellblock languages``: what it shows, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

import pytest

from catalogs import pretend_installed, small_catalog
from cellblock import cli, subids
from cellblock.cli import installing
from cellblock.cli import languages as command
from cellblock.languages.self_test_cache import Passed, SelfTestCache
from cellblock.model import Verdict
from cellblock.supervisor.client import SupervisorClient
from cellblock.toolchains.reporting import Sizes
from doubles import ScriptedSupervisor, make_language, make_outcome, make_status, until


@pytest.fixture(autouse=True)
def toolchains(monkeypatch, tmp_path):
    directory = tmp_path / "toolchains"
    monkeypatch.setenv("CELLBLOCK_TOOLCHAIN_DIR", str(directory))
    monkeypatch.setattr(command, "read_catalog", small_catalog)
    return directory


def row(shown, runtime):
    return next(line for line in shown.splitlines() if f" {runtime} " in line)


def test_list_says_what_is_installed_and_what_to_do(toolchains, capsys):
    pretend_installed(toolchains, small_catalog(), ["alpha"], [])
    SelfTestCache(toolchains).remember("alpha", Passed(fingerprint="f", version="1.2.3", took_ms=9))
    assert cli.exit_code_of(["languages", "list"]) == 0
    shown = capsys.readouterr().out
    assert "1.2.3" in row(shown, "alpha")
    assert "installed" in row(shown, "alpha")
    assert "not installed" in row(shown, "beta")
    assert "cellblock languages install gamma (5 MB)" in row(shown, "gamma")
    assert "of the host" in row(shown, "own")
    assert "Debian tree 1 MB" in shown


def test_list_tells_a_broken_runtime_from_an_installed_one(toolchains, capsys):
    pretend_installed(toolchains, small_catalog(), ["alpha"], [])
    (toolchains / "trees/feed/root/usr/bin/alpha").unlink()
    cli.exit_code_of(["languages", "list"])
    assert "broken" in row(capsys.readouterr().out, "alpha")


def test_list_of_an_empty_directory_says_how_to_fill_it(capsys):
    assert cli.exit_code_of(["languages", "list"]) == 0
    assert "cellblock languages install all" in capsys.readouterr().out


def test_install_of_what_is_there_does_nothing_and_says_so(toolchains, capsys):
    pretend_installed(toolchains, small_catalog(), ["alpha", "beta", "beta-dev"], ["gamma"])
    started_s = time.monotonic()
    assert cli.exit_code_of(["languages", "install", "all"]) == 0
    assert time.monotonic() - started_s < 1
    assert capsys.readouterr().out == "nothing to do: alpha, beta, gamma, delta, own are installed\n"


def test_install_of_an_unknown_name_is_wrong_use_and_lists_what_there_is(capsys):
    assert cli.exit_code_of(["languages", "install", "alpha,cobol"]) == 2
    assert "unknown language: cobol. There are: all, alpha" in capsys.readouterr().err


def test_install_without_a_name_is_wrong_use(capsys):
    assert cli.exit_code_of(["languages", "install"]) == 2
    assert "NAME" in capsys.readouterr().err


def test_install_by_a_user_without_uids_of_his_own_says_what_gives_them(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(subids, "TOOLS", {tmp_path / "subuid": "newuidmap"})
    assert cli.exit_code_of(["languages", "install", "alpha"]) == 3
    assert "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 nobody" in capsys.readouterr().err


def test_sizes_come_first_and_nothing_is_asked_where_no_terminal_is(capsys, monkeypatch):
    monkeypatch.setattr("click.confirm", lambda *_, **__: pytest.fail("asked"))
    show = installing.reporter(ask=True)
    show.agree(Sizes(download_bytes=519_000_000, disk_bytes=1_861_000_000, free_bytes=79_000_000_000))
    with show.step("tree") as advance:
        advance(0.5)
    assert capsys.readouterr().out.splitlines()[0] == (
        "installing takes 519 MB to download, 1,861 MB on disk (79,000 MB free)"
    )


def test_on_a_terminal_a_bar_is_shown_and_no_ends_it(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    asked = []

    def decline(*arguments, **options):
        asked.append((arguments, options))

    monkeypatch.setattr("click.confirm", decline)
    show = installing.reporter(ask=True)
    show.agree(Sizes(download_bytes=1, disk_bytes=1, free_bytes=1))
    with show.step("the tree") as advance:
        advance(0.25)
    assert asked[0][1]["abort"] is True
    assert "the tree" in capsys.readouterr().out


@pytest.fixture
def checked(monkeypatch, tmp_path, toolchains):
    """Let ``check`` ask a supervisor that answers as a test says, by runtime."""
    pretend_installed(toolchains, small_catalog(), ["alpha", "beta", "beta-dev"], [])
    answers = {}

    async def answer(job):
        return answers[job.runtime]

    def status_of(runtime):
        reason = "" if runtime.id in answers else "its version probe failed"
        return make_language(runtime.language, runtime=runtime.id, available=not reason, reason=reason)

    @contextlib.asynccontextmanager
    async def scripted(_settings):
        pending = make_language("alpha", runtime="alpha", available=False, pending=True)
        supervisor = ScriptedSupervisor(tmp_path / "s", answer)
        supervisor.status = make_status(languages=(pending,))
        await supervisor.start()
        client = SupervisorClient(tmp_path / "s")
        await client.start()
        await until(lambda: client.status is not None)
        settled = make_status(languages=tuple(map(status_of, small_catalog().runtimes)))
        settling = asyncio.create_task(supervisor.announce(settled))
        try:
            yield client
        finally:
            await settling
            await client.close()
            await supervisor.die()

    monkeypatch.setattr(command, "private_supervisor", scripted)
    return answers


def test_check_runs_every_self_test_and_shows_the_time(checked, capsys):
    checked["alpha"] = checked["beta"] = checked["own"] = make_outcome(stdout=b"ok")
    assert cli.exit_code_of(["languages", "check"]) == 0
    shown = capsys.readouterr().out
    assert row(shown, "alpha").split()[:4] == ["alpha", "alpha", "1.0.0", "ok"]
    assert int(row(shown, "alpha").split()[4]) >= 0
    assert "not installed" in row(shown, "gamma")


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (make_outcome(stdout=b"wrong"), "printed b'wrong', expected b'ok'"),
        (make_outcome(verdict=Verdict.RE, exit_code=1, stderr=b"no such module"), "RE: no such module"),
        (None, "its version probe failed"),
    ],
)
def test_check_exits_1_where_one_fails_and_says_why(checked, capsys, outcome, why):
    checked["alpha"] = checked["own"] = make_outcome(stdout=b"ok")
    if outcome:
        checked["beta"] = outcome
    assert cli.exit_code_of(["languages", "check"]) == 1
    assert why in row(capsys.readouterr().out, "beta")


def test_check_of_a_named_runtime_that_is_not_installed_fails(checked, capsys):
    assert checked == {}
    assert cli.exit_code_of(["languages", "check", "gamma"]) == 1
    assert "not installed" in row(capsys.readouterr().out, "gamma")
