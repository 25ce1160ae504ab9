"""What is tested in the machine, in parts: each in a machine of its own, so that none can spoil another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A selection of tests."""

    tests: tuple[str, ...]
    """Arguments of pytest."""
    timeout_s: int
    """Several times what it takes on two processors that have nothing else to do."""
    environment: tuple[str, ...] = ()
    """NAME=VALUE, beside the machine's."""
    every_kind: bool = False
    """Whether it needs what the other kinds of hosts are made of: crun, a container's root, systemd."""
    memory_mb: int = 2048
    """Of the machine."""


_PYTHON_ALONE = "CELLBLOCK_TOOLCHAIN_DIR=/nonexistent"
"""Every service tries all languages that it finds before it offers them; here the host's Python is enough."""

_WITH_TOOLCHAINS = ("tests/e2e/test_crash.py", "tests/e2e/test_compile_cache.py")
_MEASURES = "tests/e2e/test_bench.py"
"""Of an emulator there is nothing to measure."""

_DEPENDS_ON_THE_HOST = "hello or memory or many or spin or sleep or abort"
"""Of every language: programs whose answer is the kernel's and the judge's doing. What the others
print is the runtime's own, and that is the same bytes on every host."""

_ATTACKS = "tests/hosts/test_attacks.py"
_CGROUP_V1 = "tests/sandbox/test_cgroup_v1.py"
"""The machine has none, and a skipped test fails there."""

PARTS = {
    "machine": Part(("tests/vm/guest_checks.py",), 600),
    "verdicts": Part(("tests/unit/test_verdict.py",), 600),
    "sandbox": Part(("tests/sandbox", "-m", "not slow", f"--ignore={_CGROUP_V1}"), 5400),
    "hosts": Part(("tests/hosts", "-m", "not slow", f"--ignore={_ATTACKS}"), 7200, every_kind=True),
    "attacks": Part(
        (_ATTACKS, "tests/escapes/test_witnesses.py", "tests/escapes/test_switched_off.py", "-m", "not slow"),
        7200,
    ),
    "e2e": Part(
        ("tests/e2e", "-m", "not slow", *(f"--ignore={name}" for name in (*_WITH_TOOLCHAINS, _MEASURES))),
        7200,
        (_PYTHON_ALONE,),
    ),
    "toolchains": Part((*_WITH_TOOLCHAINS, "-m", "not slow"), 7200),
    "languages": Part(
        ("tests/languages/test_matrix.py", "-k", f"test_judge_answers and ({_DEPENDS_ON_THE_HOST})"), 10_800
    ),
}
"""All of them are `make test-vm`, in this order."""


def _score(service: str, selection: str) -> Part:
    return Part((_ATTACKS, "-m", selection, "-k", service), 30_000, memory_mb=4096)


SCORES = {
    "every-attack-on-root": _score("roots_service", "slow"),
    "every-attack-on-user": _score("users_service", "slow"),
    "attacks-kept-ready": _score("keeps_cells_ready", "not slow"),
}
"""For hours, so no part of `make test-vm`: what `make vm-score` makes the tables of SECURITY.md of."""

SMOKE = Part(
    (
        *("tests/vm/guest_checks.py", "tests/hosts/test_root.py", "tests/hosts/test_rootless.py"),
        *("-k", "guest_checks or every_control_holds"),
    ),
    3600,
)
"""For every change: that the machine is one, and that cells hold on cgroup v2 for root and for a user.

A minute or two on an idle machine; the limit is for one that has ten other things to do."""
