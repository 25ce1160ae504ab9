"""Installing for real: from the machine's own mirror and package indexes, killed in between, used at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cellblock.languages.installed import hold_installed_root, installed_root, tree_manifest
from cellblock.toolchains import tree
from e2e.instance import descendants, running_instance, wait_until_gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can build a Debian tree"),
]


@pytest.fixture(scope="module")
def toolchains(tmp_path_factory):
    return tmp_path_factory.mktemp("toolchains")


def start(toolchains, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "cellblock", "languages", *arguments],
        env=os.environ | {"CELLBLOCK_TOOLCHAIN_DIR": str(toolchains)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def install(toolchains, *names):
    process = start(toolchains, "install", *names)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)


def test_killed_in_the_middle_nothing_runs_on_and_nothing_half_made_is_used(toolchains):
    process = start(toolchains, "install", "bash")
    wait_for(toolchains / "work" / "tree" / "root" / "usr" / "bin", process)
    below = descendants(process.pid)
    assert below
    process.kill()
    process.communicate()
    wait_until_gone(below, 10)
    assert installed_root(toolchains) is None
    assert str(toolchains) not in Path("/proc/self/mountinfo").read_text()


def test_it_is_taken_up_again_and_says_its_size_first(toolchains):
    said = install(toolchains, "bash").splitlines()
    assert "MB to download" in said[2]
    root = installed_root(toolchains)
    assert (
        subprocess.run(
            ["chroot", root.tree, "/bin/bash", "-c", "echo $((2 + 2))"], capture_output=True, check=True
        ).stdout
        == b"4\n"
    )
    assert not (toolchains / "work").exists()
    assert not (toolchains / "apt").exists()


def test_second_time_nothing_is_done_within_a_second(toolchains):
    started_s = time.monotonic()
    assert "nothing to do" in install(toolchains, "bash")
    assert time.monotonic() - started_s < 1.5, "with the interpreter's own start"


def test_tree_tells_nothing_of_the_machine_that_built_it(toolchains):
    root = installed_root(toolchains).tree
    for name in ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname", "var/log/dpkg.log"):
        assert not (root / name).exists()
    set_uid = [
        path
        for path in root.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000
    ]
    assert set_uid == []


def test_manifest_names_every_package_with_its_version(toolchains):
    state = installed_root(toolchains).state
    manifest = tree_manifest(toolchains, state.tree)
    assert manifest.suite == tree.SUITE
    assert "bash" in manifest.requested
    query = ["dpkg-query", f"--admindir={installed_root(toolchains).tree}/var/lib/dpkg", "--show"]
    query.append("--showformat=${Package} ${Version}\n")
    listed = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    assert dict(line.split() for line in listed) == manifest.packages


def test_more_languages_join_while_the_old_tree_is_still_in_use(toolchains):
    with hold_installed_root(toolchains) as held:
        said = install(toolchains, "c", "javascript")
        assert held.root.inside("/bin/bash")
    assert "nothing to do" in install(toolchains, "bash", "c", "javascript")
    root = installed_root(toolchains)
    assert root.inside("/usr/bin/gcc")
    assert root.state.tree != held.root.state.tree
    assert "node" in said


def test_mirror_that_does_not_answer_ends_it_with_what_to_do(tmp_path):
    process = start(tmp_path, "install", "bash", "--debian-mirror", "file:/nonexistent")
    said, _ = process.communicate()
    assert process.returncode == 3
    assert "could not read the lists of Debian packages" in said
    assert "CELLBLOCK_DEBIAN_MIRROR" in said


def test_told_to_end_it_leaves_nothing_running(tmp_path):
    process = start(tmp_path, "install", "bash")
    wait_for(tmp_path / "apt", process)
    below = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    wait_until_gone(below, 10)


def test_a_service_answers_at_once_and_serves_what_comes_without_a_restart(tmp_path, free_port, time_scale):
    flags = ["--toolchain-dir", str(tmp_path / "toolchains"), "--install-languages", "bash"]
    with running_instance(free_port, *flags, time_scale=time_scale) as instance:
        assert instance.submit("print(2 + 2)").json()["stdout"] == "4\n"
        supervisor = instance.pid_of("supervisor")
        assert instance.submit("echo", language="bash").status_code in {400, 503}
        deadline_s = time.monotonic() + 400
        while (answer := instance.submit("echo $((2 + 2))", language="bash")).status_code != 200:
            assert time.monotonic() < deadline_s, instance.log.read_text()
            time.sleep(0.5)
        assert answer.json()["stdout"] == "4\n"
        assert instance.pid_of("supervisor") == supervisor
        assert "installed: bash-5" in instance.log.read_text()
