"""Class D without what takes privileges: programs gain them, and are seen to."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from cellblock.languages.needs import Need
from cellblock.model import Profile, SourceFile, Verdict
from cellblock.sandbox.template import Root
from corpus import bare
from escapes.bare_payloads import START, assert_seen, host_command, on_the_host, run_bare
from escapes.seen import sees
from sandbox.cells import engine_for, opened


@sees("D/privileges")
@pytest.mark.parametrize("language", ["c", "python"])
def test_root_without_a_cell_does_what_nobody_else_may_and_says_so(language, monkeypatch):
    monkeypatch.setattr(bare, "_NOBODY", 0)
    name = f"D/privileges/{language}"
    ran = run_bare(name, {})
    assert_seen(name, ran)
    won = ran.stderr.decode().splitlines()[-1].split(", ") if language == "python" else range(ran.exit_code)
    assert len(won) >= 7


NO_NEW = "setpriv --no-new-privs"
LIMITS = "ulimit -f 1000000 -s 8192"


@pytest.mark.parametrize("language", ["c", "python"])
@pytest.mark.parametrize(
    ("limits", "held", "won"),
    [
        (LIMITS, "", ["su"]),
        (LIMITS, NO_NEW, []),
        ("ulimit -f unlimited -s unlimited", NO_NEW, ["size", "stack"]),
    ],
)
def test_without_a_cell_su_becomes_root_and_limits_are_raised_and_the_program_says_so(
    language, limits, held, won, tmp_path
):
    done = on_the_host(f"D/privileges/{language}", tmp_path, {}, held=held, limits=limits)
    assert done.stdout == "attempt\n"
    if language == "c":
        assert done.returncode == len(won)
    else:
        assert done.returncode == bool(won)
        assert ", ".join(won) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("language", ["c", "python"])
def test_in_a_cell_whose_root_has_a_su_of_root_it_becomes_nobody_else(language, time_scale, tmp_path):
    assert Path("/usr/bin/su").stat().st_mode & stat.S_ISUID
    argv = host_command(f"D/privileges/{language}", tmp_path, {})
    with opened(time_scale) as cells:
        if language == "python":
            outcome = cells.run(argv[-1])
        else:
            files = (SourceFile("payload", (tmp_path / "main").read_bytes()),)
            outcome = cells.run(START, files=files, file_size_bytes=16 << 20)
    assert (outcome.stdout, outcome.verdict) == (b"attempt\n", Verdict.AC), outcome.stderr


PRIVILEGES = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    printf("%d ", geteuid() == getuid());
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "CapEff:", 7) == 0) fputs(line + 8, stdout);
    return 0;
}
"""
SAME_AS_BEFORE = "1 0000000000000000\n"
GAINED = {"user": "0 ", "capability": f"1 {1 << 13:016x}\n"}
"""Another user with what that one may, and the same with what the file gives: NET_RAW."""


@pytest.fixture
def privileged(tmp_path) -> Path:
    """A directory with a set-user-id program and one with a file capability; each says what it was given."""
    directory = tmp_path / "privileged"
    directory.mkdir()
    (tmp_path / "privileges.c").write_text(PRIVILEGES)
    for name in GAINED:
        command = ["cc", "-static", "-o", directory / name, tmp_path / "privileges.c"]
        subprocess.run(command, check=True, capture_output=True)
    (directory / "user").chmod(0o4755)
    subprocess.run(["setcap", "cap_net_raw+ep", directory / "capability"], check=True)
    return directory


@pytest.mark.parametrize("program", list(GAINED))
@pytest.mark.parametrize(
    ("mounted", "held", "gains"),
    [("suid", "", True), ("suid", "setpriv --no-new-privs", False), ("nosuid", "", False)],
)
def test_each_of_no_new_privileges_and_nosuid_alone_takes_what_a_program_would_gain(
    program, mounted, held, gains, privileged
):
    script = f"""
        mount -t tmpfs -o {mounted} none /mnt; cp --preserve=all {privileged}/{program} /mnt
        exec {held} chroot --userspec=65534:65534 --groups= / /mnt/{program}
    """
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-ec", script], capture_output=True, text=True, check=True
    )
    if gains:
        assert done.stdout.startswith(GAINED[program])
        assert done.stdout != SAME_AS_BEFORE
    else:
        assert done.stdout == SAME_AS_BEFORE


@pytest.mark.parametrize("program", list(GAINED))
def test_a_program_with_privileges_of_its_own_has_none_in_a_cell(program, privileged, time_scale):
    with opened(time_scale) as cells:
        cells.call(cells.host.set_roots({"further": Root(binds=((str(privileged), "/opt/privileged"),))}))
        runtime = cells._runtime(Profile.JUDGE, {})
        file = msgspec.structs.replace(runtime.file, root="further", needs=(Need(component="privileged"),))
        runtime = msgspec.structs.replace(runtime, file=file)
        engine = engine_for(cells.settings, cells.host, runtime)
        command = msgspec.structs.replace(runtime.version_command(), argv=(f"/opt/privileged/{program}",))
        outcome = cells.call(engine.run_command(runtime, command))
    assert (outcome.verdict, outcome.stdout.decode()) == (Verdict.AC, SAME_AS_BEFORE), outcome.stderr
