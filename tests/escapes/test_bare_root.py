"""Calls of class D that need a capability: as root, in namespaces of the test's own, each succeeds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cellblock.attacks.manifest import trials
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import features
from corpus import bare
from escapes.bare_payloads import START, host_command, run_bare, trial
from escapes.seen import sees
from pace import TIME_SCALE
from sandbox.cells import opened

SUCCEEDED = 42
OF_ROOT = {
    "acct", "bpf", "chroot", "clone", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount-setattr",
    "move-mount", "open-tree", "perf-event-open", "pivot-root", "request-key", "sethostname", "setns",
    "socket-packet", "socket-xdp", "syslog", "tiocsti", "umount2",
}  # fmt: skip
"""What harms nobody outside of the test's own namespaces; of the others the README says why not they."""
CALLS = [
    each.name
    for each in trials(classes="D")
    for variant in each.attack.variants
    if each.attack.name in OF_ROOT and variant.get("name", "") == each.variant and "BESIDES" in variant
    if each.name != "D/move-mount/python"  # which does not begin with a directory as its input
]

PREPARES = r"""
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the call is made on, where another call of class D would have to give it, becomes descriptor 0. */
int main(int argc, char **argv) {
    const char *call = argv[1];
    int context = syscall(430, "tmpfs", 0);
    if (strcmp(call, "fsconfig")) syscall(431, context, 6, 0, 0, 0);
    if (!strcmp(call, "move-mount")) context = syscall(432, context, 0, 0);
    if (!strncmp(call, "fs", 2) || !strcmp(call, "move-mount")) dup2(context, 0);
    syscall(SYS_keyctl, 1, 0); /* a session of keys of its own */
    syscall(SYS_add_key, "user", "x", "y", 1, -3);
    execv(argv[2], argv + 2);
    return 1;
}
"""


@pytest.fixture(scope="module")
def prepares(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("prepares")
    (directory / "prepares.c").write_text(PREPARES)
    command = ["cc", "-static", "-o", directory / "prepares", directory / "prepares.c"]
    subprocess.run(command, check=True, capture_output=True)
    return directory / "prepares"


def as_root(name: str, directory: Path, prepares: Path) -> subprocess.CompletedProcess[str]:
    """Run a payload as root, where what it changes is a namespace that ends with it."""
    argv = [each.replace(str(directory), "/mnt") for each in host_command(name, directory, {})]
    # The new root of one is where it is, which is why another mount than the old is there.
    script = f"""
        mount -t tmpfs none /mnt; cp {prepares} {directory}/* /mnt; mount -t tmpfs none /tmp; cd /mnt
        exec ./prepares {name.split("/")[1]} "$@"
    """
    (directory / "there-is-one").touch()
    alone = [
        "--mount",
        "--mount-proc",
        "--net",
        "--ipc",
        "--uts",
        "--cgroup",
        "--pid",
        "--fork",
        "--kill-child",
    ]
    terminal, stdin = os.openpty()
    try:
        return subprocess.run(
            ["unshare", *alone, "/bin/bash", "-ec", script, "bash", *argv],
            stdin=stdin, capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False,
        )  # fmt: skip
    finally:
        os.close(stdin)
        os.close(terminal)


@sees(*CALLS)
@pytest.mark.parametrize("name", CALLS)
def test_root_without_the_filter_succeeds_with_calls_that_need_a_capability(name, tmp_path, prepares):
    done = as_root(name, tmp_path, prepares)
    assert "attempt" in done.stdout, done.stderr
    assert done.returncode == SUCCEEDED, done.stdout + done.stderr


@sees("D/mount-rust")
def test_root_without_the_filter_mounts_from_rust(monkeypatch):
    monkeypatch.setattr(bare, "_NOBODY", 0)
    ran = run_bare("D/mount-rust/rust", {})  # in a mount namespace that ends with it
    assert ran.exit_code == SUCCEEDED, ran


@sees("D/clone-go")
@pytest.mark.parametrize("filtered", [True, False])
def test_without_the_filter_a_program_in_go_is_given_a_user_namespace(
    filtered, compilers, monkeypatch, time_scale
):  # fmt: skip
    attack = trial("D/clone-go/go")
    told = ("/bin/sh", "-c", '"$@" && cat /out/main', "sh")
    source = SourceFile("main.go", attack.source.encode())
    built = compilers.compile("go", source, argv=lambda argv: (*told, *argv))
    assert built.exit_code == 0, built.stderr
    if not filtered:
        monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/nonexistent"))
    with opened(time_scale, accept_missing="" if filtered else "seccomp_filter") as cells:
        outcome = cells.run(
            START, files=(SourceFile("payload", built.stdout),), file_size_bytes=16 << 20, processes=32
        )
    assert outcome.stdout.startswith(b"attempt\n"), outcome.stderr
    if filtered:
        assert (outcome.verdict, outcome.evidence.seccomp.syscall) == (Verdict.SIG, attack.syscall)
    else:
        assert (outcome.exit_code, outcome.verdict) == (SUCCEEDED, Verdict.RE)
