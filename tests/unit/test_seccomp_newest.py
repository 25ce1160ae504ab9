"""Calls that are newer than the policy do not exist, whatever the installed libseccomp can name."""

from __future__ import annotations

import errno

import pytest

from cellblock.sandbox import seccomp
from cellblock.sandbox.seccomp import (
    X32_SYSCALL_BIT,
    build_filters,
    load_policy,
    newest_known_number,
    unresolved_syscalls,
)
from unit.deciding import ALLOW, ARCHES, ERRNO, decide

_NAMES = """
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig
fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2
mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret
process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake
futex_wait futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal
setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr
"""
COMMON = dict(enumerate(_NAMES.split(), 424))
"""What has the same number on both architectures, from the kernel's tables: all up to Linux 6.18."""


def test_every_call_of_the_common_numbers_was_judged_by_its_name():
    in_rules = {name for rule in load_policy().rule for name in rule.syscalls}
    assert set(COMMON.values()) - in_rules == set()
    assert max(COMMON) == load_policy().unknown.newest
    for arch in ARCHES.values():
        named = {number: name for number in range(424, 1000) if (name := seccomp._lookup(arch, number))}
        assert len(named) > 25
        assert {number: name for number, name in named.items() if COMMON.get(number, name) != name} == {}


def test_a_rule_that_allows_has_no_condition():
    assert [rule for rule in load_policy().rule if rule.action == "allow" and rule.arg] == []


@pytest.mark.parametrize("arch", ARCHES.values(), ids=ARCHES)
def test_a_call_that_only_a_newer_libseccomp_can_name_does_not_exist(arch, monkeypatch):
    """It would otherwise be allowed, though no rule was ever thought of for it."""
    known = seccomp._lookup
    monkeypatch.setattr(
        seccomp,
        "_lookup",
        lambda arch, number: known(arch, number) or (f"new_{number}" if number < 600 else None),
    )
    newest = load_policy().unknown.newest
    assert newest_known_number(arch) == newest
    program = build_filters.__wrapped__(notify=True, arch=arch).program
    for number in [*range(newest + 1, 1100), X32_SYSCALL_BIT - 1]:
        assert decide(program, number, arch=arch) == ERRNO | errno.ENOSYS, number
    assert decide(program, min(COMMON), arch=arch) == ALLOW


def test_names_that_libseccomp_does_not_know_have_no_number_that_it_does():
    """They would otherwise be calls that the policy forbids and the filter lets through."""
    newer = {name for number, name in COMMON.items() if number > newest_known_number()}
    assert set(unresolved_syscalls()) <= newer | {"uretprobe", "uprobe"}
    for number in (335, 336):
        assert seccomp._lookup(ARCHES["x86_64"], number) in {None, "uretprobe", "uprobe"}
