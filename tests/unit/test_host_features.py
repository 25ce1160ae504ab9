"""What is said of a kernel or of root that lack something, without such a host."""

from __future__ import annotations

import pytest

from cellblock.sandbox import features
from cellblock.sandbox.features import inspect_host
from cellblock.sandbox.user_namespace import IdMap

UIDS = (70_000, 71_999)


def test_root_with_all_it_needs_is_told_so():
    found = {feature.feature: feature for feature in inspect_host(UIDS).features}
    assert found["capabilities"].ok
    assert inspect_host(UIDS).why_no_cell == ""


@pytest.mark.parametrize("name", features._CAPABILITIES)
def test_a_capability_that_root_lacks_is_named_with_its_purpose_and_what_gives_it(monkeypatch, name):
    monkeypatch.setattr(features, "_missing_capabilities", lambda: (name,))
    host = inspect_host(UIDS)
    found = {feature.feature: feature for feature in host.features}["capabilities"]
    assert not found.ok
    assert found.required
    assert f"{name} for {features._CAPABILITIES[name][1]}" in found.detail
    assert f"cap_add: [{name}]" in found.remedy
    assert f"CAP_{name} in a unit's" in found.remedy
    assert name in host.why_no_cell


@pytest.mark.parametrize("name", ["pid", "mnt"])
def test_without_pid_or_mount_namespaces_there_is_no_cell(monkeypatch, name):
    monkeypatch.setattr(features, "_namespace_works", lambda asked: asked != name)
    assert inspect_host(UIDS).why_no_cell == "there is no cell without pid and mount namespaces"


@pytest.mark.parametrize(("release", "ok"), [("5.11.9-generic", False), ("5.12.0", True), ("6.18", True)])
def test_a_kernel_that_is_too_old_is_told_what_to_boot(monkeypatch, release, ok):
    monkeypatch.setattr(features.platform, "release", lambda: release)
    found = {feature.feature: feature for feature in inspect_host(UIDS).features}["kernel"]
    assert (found.ok, found.remedy) == (ok, "" if ok else "boot Linux 5.12 or newer")


def test_a_kernel_without_overlayfs_makes_no_cell_and_says_what_gives_it(monkeypatch):
    assert features._has_file_system("overlay")
    assert not features._has_file_system("cellblock-knows-none-such")
    monkeypatch.setattr(features, "_has_file_system", lambda _: False)
    host = inspect_host(UIDS)
    assert host.why_no_cell == "there is no cell without overlayfs"
    (found,) = (feature for feature in host.features if feature.feature == "overlayfs")
    assert (found.ok, found.required) == (False, True)
    assert "modprobe overlay" in found.remedy


def test_root_that_may_make_no_nodes_is_told_what_that_means(monkeypatch):
    assert inspect_host(UIDS).makes_nodes
    monkeypatch.setattr(features, "_has_capability", lambda number: number != features._MKNOD)
    host = inspect_host(UIDS)
    assert (host.makes_nodes, host.why_no_cell) == (False, "")
    (found,) = (feature for feature in host.features if feature.feature == "device nodes")
    assert (found.ok, found.required) == (False, False)
    assert "lock" in found.detail
    assert found.remedy.startswith("cap_add: [MKNOD] in a container, CAP_MKNOD in a unit's")


def test_root_of_a_user_namespace_is_told_that_it_never_makes_nodes(monkeypatch):
    monkeypatch.setattr(features, "read_id_map", lambda: IdMap(((0, 1000, 100_000),)))
    (found,) = (feature for feature in inspect_host(UIDS).features if feature.feature == "device nodes")
    assert found.remedy == "start cellblock as the machine's root: no user namespace makes any"
