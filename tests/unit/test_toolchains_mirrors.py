"""Finding Debian's mirror in the machine's apt configuration."""

from __future__ import annotations

import pytest

from cellblock.errors import HostError
from cellblock.toolchains import mirrors

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {keyring}

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
Signed-By: {keyring}
"""


@pytest.fixture
def apt(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "key.gpg").write_bytes(b"")
    return tmp_path


@pytest.fixture
def keyring(apt):
    return str(apt / "key.gpg")


def write(apt, name, text):
    (apt / name).write_text(text)


def test_deb822_names_mirror_and_security_suite(apt, keyring):
    write(apt, "sources.list.d/debian.sources", DEB822.format(keyring=keyring))
    assert mirrors.sources_for("trixie", "", apt) == [
        f"deb [signed-by={keyring}] http://mirror.invalid/debian trixie main",
        f"deb [signed-by={keyring}] http://mirror.invalid/debian-security trixie-security main",
    ]


def test_one_line_format_and_its_options(apt, keyring):
    write(
        apt,
        "sources.list",
        "# deb http://not.invalid/debian sid main\n"
        "deb cdrom:[Debian]/ bookworm main\n"
        "deb-src http://source.invalid/debian bookworm main\n"
        f"deb [ arch=amd64 signed-by={keyring} ] https://first.invalid/debian/ stable main contrib\n"
        "deb [trusted=yes] file:/srv/security bullseye/updates main\n",
    )
    assert mirrors.sources_for("trixie", "", apt) == [
        f"deb [signed-by={keyring}] https://first.invalid/debian/ trixie main",
        "deb [trusted=yes] file:/srv/security trixie-security main",
    ]


def test_sources_of_others_and_disabled_ones_do_not_count(apt, keyring):
    write(apt, "sources.list.d/a.sources", f"Enabled: no\n{DEB822.format(keyring=keyring)}")
    write(apt, "sources.list.d/b.list", "deb https://other.invalid/apt nodistro main\n")
    write(apt, "sources.list.d/c.list.disabled", "deb https://off.invalid/debian bookworm main\n")
    write(apt, "sources.list.d/d.list", f"deb [signed-by={keyring}] https://on.invalid/debian sid main\n")
    assert mirrors.sources_for("trixie", "", apt) == [
        f"deb [signed-by={keyring}] https://on.invalid/debian trixie main",
        f"deb [signed-by={keyring}] http://mirror.invalid/debian-security trixie-security main",
    ]


def test_no_debian_mirror_is_an_error_that_names_the_setting(apt):
    write(apt, "sources.list.d/b.list", "deb https://other.invalid/apt nodistro main\n")
    with pytest.raises(HostError, match=r"no Debian mirror .* CELLBLOCK_DEBIAN_MIRROR"):
        mirrors.sources_for("trixie", "", apt)


def test_the_setting_wins_and_security_stays(apt, keyring, monkeypatch):
    monkeypatch.setattr(mirrors, "_KEYRING", apt / "key.gpg")
    write(apt, "sources.list.d/debian.sources", DEB822.format(keyring=keyring))
    assert mirrors.sources_for("trixie", "https://mine.invalid/d", apt) == [
        f"deb [signed-by={keyring}] https://mine.invalid/d trixie main",
        f"deb [signed-by={keyring}] http://mirror.invalid/debian-security trixie-security main",
    ]


def test_an_embedded_key_falls_back_to_debians_own(apt, monkeypatch):
    monkeypatch.setattr(mirrors, "_KEYRING", apt / "key.gpg")
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----"
    write(apt, "sources.list.d/debian.sources", DEB822.format(keyring=key))
    assert mirrors.sources_for("trixie", "", apt)[0].startswith(f"deb [signed-by={apt / 'key.gpg'}] ")


def test_packages_that_could_not_be_verified_are_refused(apt, monkeypatch):
    monkeypatch.setattr(mirrors, "_KEYRING", apt / "absent.gpg")
    write(apt, "sources.list", "deb http://mirror.invalid/debian bookworm main\n")
    with pytest.raises(HostError, match=r"apt-get install debian-archive-keyring"):
        mirrors.sources_for("trixie", "", apt)


def test_this_machine_has_a_mirror():
    assert mirrors.sources_for("trixie", "")
