"""docs/hosts.md and docs/deploy.md say what there is."""

from __future__ import annotations

import itertools
import json
import pwd
import re
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cellblock import config
from cellblock.app import parent
from cellblock.cli import cellblock
from cellblock.sandbox.controls import CHECKS
from cellblock.sandbox.seccomp import load_policy
from hosts.kinds import lines_of_the_users_unit, recipe

TREE = Path(__file__).resolve().parents[2]
COLUMNS = ["control", "v1 root", "v2 root", "v2 rootless", "v2 rootless, one uid", "container"]
NOT_HELD = {("unprivileged_uid", "v2 rootless, one uid")}


def table() -> list[list[str]]:
    page = (TREE / "docs" / "hosts.md").read_text(encoding="utf-8")
    text = page.split("<!-- begin: controls -->")[1].split("<!-- end: controls -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()]


def test_the_table_has_every_control_for_every_kind_of_host():
    head, _, *rows = table()
    assert head == COLUMNS
    assert [row[0].strip("`") for row in rows] == list(CHECKS)
    for row in rows:
        for kind, cell in zip(COLUMNS[1:], row[1:], strict=True):
            held = (row[0].strip("`"), kind) not in NOT_HELD
            assert cell == ("held" if held else "**not held**"), (row[0], kind)


COMPOSE = (TREE / "deploy" / "compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(COMPOSE)["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_capability_of_a_container_has_its_reason_on_its_line(name):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    for capability in service["cap_add"]:
        lines = [line for line in COMPOSE.splitlines() if line.strip().startswith(f"- {capability} ")]
        assert lines, capability
        assert all("# " in line for line in lines), capability


def test_the_containers_run_what_the_command_line_has():
    """The commands of image and compose file are parsed, not run."""
    dockerfile = (TREE / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    (line,) = (line for line in dockerfile.splitlines() if line.startswith("CMD "))
    page = (TREE / "docs" / "deploy.md").read_text(encoding="utf-8")
    (keys,) = re.findall(r"run --rm --no-deps cellblock (cellblock keys .*)", page)
    for command in (json.loads(line.removeprefix("CMD ")), SERVICES["languages"]["command"], keys.split()):
        name, *arguments = command
        assert name == "cellblock"
        named = itertools.takewhile(lambda each: not each.startswith("-"), arguments)
        done = CliRunner().invoke(cellblock, [*named, "--help"])
        assert done.exit_code == 0, done.output
        options = [each for each in arguments if each.startswith("--") and each != "--"]
        assert options
        assert all(option in done.output for option in options)


def interpolated(words: list[str], environment: dict[str, str]) -> list[str]:
    """Put variables in as Compose does, in the one form that the file has."""
    return [
        re.sub(r"\$\{([A-Z]+):-([^}]*)\}", lambda each: environment.get(each[1]) or each[2], word)
        for word in words
    ]


def test_the_line_that_gets_some_languages_only_gets_no_others_when_the_service_comes_up():
    """Compose runs ``languages`` before the service, whatever was run before."""
    assert SERVICES["cellblock"]["depends_on"] == {
        "languages": {"condition": "service_completed_successfully"}
    }
    page = (TREE / "docs" / "deploy.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`([A-Z]+=[a-z,]+)` before it", page)
    command = SERVICES["languages"]["command"]
    assert interpolated(command, {})[-1] == "all"
    assert interpolated(command, dict([line.split("=")]))[-1] == "python,c"


def test_the_line_of_the_users_unit_can_be_pasted_on_a_fresh_account(tmp_path):
    copies, enables = lines_of_the_users_unit()
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["dash", "-euc", copies], check=True, env=environment, cwd=TREE)
    (copied,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert copied == tmp_path / ".config/systemd/user/cellblock.service"
    assert enables == "systemctl --user enable --now cellblock"


def test_who_ends_the_service_is_more_patient_than_it_needs():
    drain_s = config.load({}, {}).drain_timeout_ms / 1000
    longest_s = drain_s + parent._SERVICE_GRACE_S + parent._SUPERVISOR_PATIENCE_S
    units = "".join(path.read_text(encoding="ascii") for path in (TREE / "deploy" / "systemd").iterdir())
    stated = [
        *re.findall(r"TimeoutStopSec=([0-9]+)\n", units),
        SERVICES["cellblock"]["stop_grace_period"][:-1],
    ]
    assert len(stated) == 3
    assert all(longest_s < int(seconds) for seconds in stated)


def test_the_containers_filter_leaves_mounts_and_namespaces_to_cells_and_refuses_what_no_cell_has():
    profile = json.loads((TREE / "deploy" / "seccomp.json").read_text(encoding="utf-8"))
    refused = {name for rule in profile["syscalls"] for name in rule["names"]}
    assert not refused & {
        "mount",
        "umount2",
        "pivot_root",
        "unshare",
        "clone",
        "clone3",
        "seccomp",
        "sethostname",
    }
    assert refused <= {name for rule in load_policy().rule for name in rule.syscalls}


def test_the_page_says_when_and_on_which_kernels_the_table_was_read_back():
    page = (TREE / "docs" / "hosts.md").read_text(encoding="utf-8")
    text = page.split("<!-- begin: kernels -->")[1].split("<!-- end: kernels -->")[0]
    assert re.search(r"on 20\d\d-\d\d-\d\d\. ", text)
    for kind in COLUMNS[1:]:
        assert re.search(rf"\b{kind}[^:;]*: Linux \d", text), kind


def test_the_recipe_for_a_cgroup_hands_over_what_is_needed_and_starts_as_the_user_in_it(tmp_path):
    group = tmp_path / "nobody"
    leaf = group / "cellblock-service"
    leaf.mkdir(parents=True)
    own = [group / f"cgroup.{name}" for name in ("procs", "subtree_control", "threads")]
    for file in (*own, group / "memory.max", leaf / "cgroup.procs"):
        file.touch()
    lines = (
        recipe("/usr/bin/env").replace("user=tester", "user=nobody").replace("/sys/fs/cgroup", str(tmp_path))
    )
    environment = {"HOME": "/root", "XDG_RUNTIME_DIR": "/run/user/0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["dash", "-euc", lines], capture_output=True, text=True, check=True, env=environment, cwd="/"
    )
    settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert settings["HOME"] == pwd.getpwnam("nobody").pw_dir
    assert "XDG_RUNTIME_DIR" not in settings
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids\n"
    assert (leaf / "cgroup.procs").read_text() == "0\n"
    given = {path for path in tmp_path.rglob("*") if path.owner() == "nobody"}
    assert given == {group, leaf, leaf / "cgroup.procs", *own}


def test_every_command_of_ours_in_the_pages_shell_lines_is_where_the_page_says():
    page = (TREE / "docs" / "hosts.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```sh\n")[1:]]
    for words in (line.split("#")[0].split() for block in blocks for line in block.splitlines()):
        assert "cellblock" not in words, words


ON_V1 = "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
ON_V2 = "none /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\nsystemd /run/named cgroup rw,name=systemd 0 0\n"


@pytest.mark.parametrize(("mounts", "code"), [(ON_V1, 0), (ON_V2, 1)])
def test_the_table_is_not_begun_on_a_host_that_cannot_fill_it(tmp_path, monkeypatch, capsys, mounts, code):
    script = runpy.run_path(str(TREE / "scripts" / "hosts-table"))
    file = tmp_path / "mounts"
    file.write_text(mounts)
    monkeypatch.setitem(script["main"].__globals__, "MOUNTS", file)
    monkeypatch.setattr("sys.argv", ["hosts-table", "--check"])
    assert script["main"]() == code
    assert ("has to have cgroup v1" in capsys.readouterr().err) == bool(code)


def test_whether_the_host_can_fill_the_table_is_asked_before_the_machine_is_started():
    """Whoever has no v1 host is told at once, and not after the machine's minutes."""
    lines = (TREE / "Makefile").read_text(encoding="utf-8").split("\nhosts-table:")[1].split("\n\n")[0]
    first, *others = [line.strip() for line in lines.splitlines()[1:]]
    assert first == "@scripts/hosts-table --check"
    assert any(line.startswith("@tests/vm/run ") for line in others)
