"""What language files may say about what they need, and what is said where they are wrong."""

from __future__ import annotations

import pytest

from catalogs import made_component, named_component, packages, runtime_file, small_catalog, wheel_component
from cellblock.errors import ConfigError, HostError, RequestRefused
from cellblock.languages.needs import component_hash
from cellblock.toolchains.wanted import components_of, packages_of, read_catalog

GOOD_NPM = """
[[needs]]
component = "ts"
npm = ["@scope/tool-linux-{npm_arch}@7.0.2"]
integrity = ["sha512-%s=="]
[needs.keep]
"lib" = "@scope/tool-linux-{npm_arch}/lib"
""" % ("x" * 86)


def read(needs, **more):
    return read_catalog([runtime_file("one", needs=needs, **more)], "x86_64")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["all"], ["alpha", "beta", "gamma", "delta", "own"]),
        (["BETA"], ["beta"]),
        (["gamma-alias", "alpha"], ["alpha", "gamma"]),
        (["alpha", "alpha"], ["alpha"]),
    ],
)
def test_languages_aliases_ids_and_all_select_in_the_catalogs_order(names, expected):
    assert [runtime.id for runtime in small_catalog().select(names)] == expected


def test_unknown_name_is_refused_with_what_there_is():
    with pytest.raises(RequestRefused, match=r"unknown language: cobol\. There are: all, alpha, beta, .*own"):
        small_catalog().select(["alpha", "cobol"])


def test_a_selection_needs_the_union_of_packages_and_components():
    runtimes = small_catalog().select(["all"])
    assert packages_of(runtimes) == {"alpha", "beta", "beta-dev"}
    assert components_of(runtimes) == {"gamma"}


@pytest.mark.parametrize(("machine", "npm_arch"), [("x86_64", "x64"), ("aarch64", "arm64")])
def test_placeholders_name_the_machine(machine, npm_arch):
    component = read_catalog([runtime_file("one", needs=GOOD_NPM)], machine).components["ts"]
    assert component.npm == (f"@scope/tool-linux-{npm_arch}@7.0.2",)
    assert component.keep == {"lib": f"@scope/tool-linux-{npm_arch}/lib"}


def test_unknown_machine_is_an_error_that_lists_the_known():
    with pytest.raises(HostError, match=r"x86_64, aarch64, but this machine is riscv64"):
        read_catalog([], "riscv64")


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ('[[needs]]\ndebian = ["--option"]', r'debian: "--option" is not a Debian package'),
        ('[[needs]]\ndebian = ["a b"]', r'"a b" is not a Debian package'),
        ("[[needs]]\ndownload_mb = 1", r"names neither debian = \[…\] nor component = …"),
        ('[[needs]]\ndebian = ["gcc"]\ncomponent = "x"', r"packages and a component are two entries"),
        ('[[needs]]\ncomponent = "../x"', r'component: "\.\./x" is not'),
        (
            '[[needs]]\ncomponent = "x"\ndisk_mb = 3',
            r"has details but neither pypi, npm nor prepare",
        ),
        (wheel_component("x", version="*"), r'pypi: "x-wheel==\*" is not name==version'),
        (wheel_component("x", sha256="abc"), r'sha256: "abc" is not 64 hex digits'),
        (wheel_component("x").replace("sha256", "#"), r"component x has no sha256"),
        (wheel_component("x").replace('"inside/x"', '"../x"'), r'keep: "\.\./x" is not a path inside'),
        (wheel_component("x").replace('"bin/x"', '"/bin/x"'), r'keep: "/bin/x" is not a path inside'),
        (wheel_component("x").partition("[needs.keep]")[0], r"component x keeps nothing"),
        (wheel_component("x", more="prepare = [[]]"), r"prepare has an empty command"),
        (made_component("x").replace("note", "../note"), r'files: "\.\./note" is not a path inside'),
        (made_component("x", more='[needs.keep]\n"a" = "b"'), r"\[needs\.keep\], but no package to keep"),
        (GOOD_NPM.replace("@7.0.2", "@latest"), r"is not name@version"),
        (GOOD_NPM.replace("sha512-", "sha1-"), r"integrity: .* is not sha512"),
        (GOOD_NPM.replace("integrity", "#"), r"component ts has no integrity"),
        (named_component("ghost"), r"no file describes the component ghost"),
        ('[[needs]]\ndebain = ["gcc"]', r"debain"),
    ],
)
def test_malformed_needs_are_errors_that_name_the_file(needs, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read(needs)
    assert "one.toml" in str(caught.value)


def test_a_runtime_of_the_host_needs_nothing():
    with pytest.raises(ConfigError, match=r'one\.toml: a runtime with root = "host" has no \[\[needs\]\]'):
        read(packages("gcc"), root="host")


def test_a_component_is_described_once():
    files = [runtime_file("one", needs=wheel_component("x")), runtime_file("two", needs=wheel_component("x"))]
    with pytest.raises(ConfigError, match=r"two\.toml: component x is described in another file too"):
        read_catalog(files, "x86_64")


def test_any_change_of_a_description_changes_its_hash():
    first = read(wheel_component("x")).components["x"]
    assert component_hash(first, "") == component_hash(read(wheel_component("x")).components["x"], "")
    for changed in (
        wheel_component("x", version="1.1"),
        wheel_component("x", sha256="1" * 64),
        wheel_component("x", more='prepare = [["true"]]'),
    ):
        assert component_hash(read(changed).components["x"], "") != component_hash(first, "")


def test_only_what_a_tree_makes_is_another_component_for_another_tree():
    fetched = read(wheel_component("x", more='prepare = [["true"]]')).components["x"]
    assert component_hash(fetched, "one") == component_hash(fetched, "two")
    made = read(made_component("x")).components["x"]
    assert component_hash(made, "one") != component_hash(made, "two")
    other = read(made_component("x").replace("a note", "another note")).components["x"]
    assert component_hash(made, "one") != component_hash(other, "one")
