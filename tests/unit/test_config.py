"""Settings: where they come from, which source wins, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock import config
from cellblock.errors import ConfigError
from cellblock.model import Limits, Profile


@pytest.fixture
def write_toml(tmp_path):
    def write(text):
        path = tmp_path / "cellblock.toml"
        path.write_text(text)
        return path

    return write


def test_table_and_settings_struct_name_the_same_settings():
    assert {setting.name for setting in config.SETTINGS} == set(config.Settings.__struct_fields__)


def test_every_setting_has_flag_variable_unit_and_help():
    for setting in config.SETTINGS:
        assert setting.flag.startswith("--")
        assert setting.variable.startswith("CELLBLOCK_")
        assert setting.unit
        assert setting.help.endswith(".")
        assert isinstance(setting.default, str) or setting.default_text, f"{setting.name} words no default"


def test_defaults_listen_on_loopback_and_are_strict():
    settings = config.load(environ={"HOME": "/home/someone"})
    assert (settings.host, settings.port, settings.permissive) == ("127.0.0.1", 4096, False)


def test_nearer_source_wins(write_toml):
    path = write_toml("port = 1001\nqueue_capacity = 1002\nworker_slots = 7\n")
    environ = {"CELLBLOCK_CONFIG": str(path), "CELLBLOCK_PORT": "2001", "CELLBLOCK_QUEUE_CAPACITY": "2002"}
    settings = config.load({"port": "3001"}, environ)
    assert (settings.port, settings.queue_capacity, settings.worker_slots) == (3001, 2002, 7)
    assert settings.config_file == path


def test_limits_of_several_sources_are_merged_number_by_number(write_toml):
    path = write_toml("[limits.python.judge]\ncpu_ms = 1\nwall_ms = 2\n[limits.c.executor]\nprocesses = 3\n")
    environ = {"CELLBLOCK_LIMITS": "python.judge.cpu_ms=10"}
    settings = config.load({"config_file": str(path), "limits": "c.executor.open_files=40"}, environ)
    assert settings.limits == {
        "python": {"judge": {"cpu_ms": 10, "wall_ms": 2}},
        "c": {"executor": {"processes": 3, "open_files": 40}},
    }


def test_socket_stands_below_runtime_dir_and_port_unless_set():
    settings = config.load({"runtime_dir": "/run/x", "port": "5000"}, {})
    assert str(settings.supervisor_socket) == "/run/x/5000/supervisor.sock"
    assert str(config.load({"supervisor_socket": "/run/y"}, {}).supervisor_socket) == "/run/y"


def test_user_gets_xdg_directories_and_relative_ones_do_not_count(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    environ = {"HOME": "/home/u", "XDG_DATA_HOME": "/data", "XDG_CACHE_HOME": "relative"}
    settings = config.load(environ=environ)
    assert str(settings.data_dir) == "/data/cellblock"
    assert str(settings.toolchain_dir) == "/home/u/.cache/cellblock/toolchains"
    assert str(settings.runtime_dir) == "/home/u/.local/state/cellblock"


def test_user_without_any_home_is_told_what_to_set(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    monkeypatch.setattr("os.getuid", lambda: 4_242_424)
    with pytest.raises(ConfigError, match="set HOME"):
        config.load(environ={})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CELLBLOCK_PORT": "abc"}, 'CELLBLOCK_PORT: "abc" is not a port number (1..65535)'),
        ({"CELLBLOCK_PORT": "0"}, 'CELLBLOCK_PORT: "0" is not a port number (1..65535)'),
        ({"CELLBLOCK_PORT": ""}, 'CELLBLOCK_PORT: "" is not a port number (1..65535)'),
        ({"CELLBLOCK_PORT": "4_096"}, 'CELLBLOCK_PORT: "4_096" is not a port number (1..65535)'),
        (
            {"CELLBLOCK_HOST": "example.org"},
            'CELLBLOCK_HOST: "example.org" is not an IP address or "localhost"',
        ),
        ({"CELLBLOCK_PERMISSIVE": "maybe"}, 'CELLBLOCK_PERMISSIVE: "maybe" is not true or false'),
        ({"CELLBLOCK_DATA_DIR": ""}, 'CELLBLOCK_DATA_DIR: "" is not a path'),
        (
            {"CELLBLOCK_LOG_LEVEL": "loud"},
            'CELLBLOCK_LOG_LEVEL: "loud" is not one of debug, info, warning, error',
        ),
        (
            {"CELLBLOCK_UID_RANGE": "0-10"},
            'CELLBLOCK_UID_RANGE: "0-10" is not a range of user ids (FIRST-LAST, both from 1 to 4294967294)',
        ),
        (
            {"CELLBLOCK_CORS_ORIGINS": "https://a.example, https://b.example/"},
            (
                'CELLBLOCK_CORS_ORIGINS: "https://b.example/" is not an origin as browsers send it: '
                "scheme://host or scheme://host:port, in lower case, without a path"
            ),
        ),
        (
            {"CELLBLOCK_METRICS_TOKEN": "too-short-s3cret"[:15]},
            "CELLBLOCK_METRICS_TOKEN: must be 16 to 256 printable ASCII characters without spaces",
        ),
        (
            {"CELLBLOCK_PROT": "1"},
            (
                "environment variable CELLBLOCK_PROT is unknown (did you mean CELLBLOCK_PORT?); "
                "`cellblock settings` lists them all"
            ),
        ),
        (
            {"CELLBLOCK_LIMITS": "python.judge.cpu_ms=-1"},
            'CELLBLOCK_LIMITS: python.judge.cpu_ms: "-1" is not a whole number from 1',
        ),
        (
            {"CELLBLOCK_LIMITS": "python.jury.cpu_ms=1"},
            'CELLBLOCK_LIMITS: python.jury.cpu_ms: "jury" is none of judge, executor, compile',
        ),
        (
            {"CELLBLOCK_LIMITS": "cpu_ms=1"},
            'CELLBLOCK_LIMITS: "cpu_ms" does not name a limit: write LANGUAGE.PROFILE.LIMIT',
        ),
        (
            {"CELLBLOCK_CONFIG": "/nonexistent/x.toml"},
            "/nonexistent/x.toml: cannot be read: No such file or directory",
        ),
    ],
)
def test_bad_setting_is_refused_with_its_name_source_and_expected_form(environ, message):
    with pytest.raises(ConfigError) as refusal:
        config.load(environ=environ)
    assert str(refusal.value) == message


def test_misspelt_limit_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match=r"memory_byte\" is not a limit \(did you mean memory_bytes\?\)"):
        config.load({"limits": "python.judge.memory_byte=1"}, {})


def test_flag_value_is_refused_under_the_flags_name():
    with pytest.raises(ConfigError, match=r'^--queue-capacity: "none" is not'):
        config.load({"queue_capacity": "none"}, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", r"key prot is unknown \(did you mean port\?\)"),
        ("config_file = '/x'", "key config_file is unknown"),
        ("port = [1]", "port: a list is no string"),
        ("port = 4096.0", "port: a float is no string"),
        ("port = true", 'port: "true" is not a port number'),
        ("port =", "is not TOML"),
        ("[limits.python.judge]\ncpu_ms = '5'", r'limits.python.judge.cpu_ms: "5" is not a whole number'),
        ("[limits.python.judge]\ncpu_ms = true", "is not a whole number"),
        ("[limits.python]\ncpu_ms = 1", "does not name a limit"),
    ],
)
def test_bad_file_is_refused_with_its_path_and_key(write_toml, text, message):
    path = write_toml(text)
    with pytest.raises(ConfigError, match=message) as refusal:
        config.load({"config_file": str(path)}, {})
    assert str(refusal.value).startswith(str(path))


def test_bad_value_is_refused_although_a_nearer_source_overrides_it():
    with pytest.raises(ConfigError, match="CELLBLOCK_PORT"):
        config.load({"port": "5000"}, {"CELLBLOCK_PORT": "abc"})


def test_environment_carries_every_setting_to_a_child(write_toml):
    path = write_toml("node_id = 'from-file'\n[limits.python.judge]\ncpu_ms = 9\n")
    flags = {"config_file": str(path), "permissive": "true", "uid_range": "80000-80010"}
    settings = config.load(flags, {"CELLBLOCK_PORT": "5001"})
    child = config.load(environ=config.as_environment(settings))
    for setting in config.SETTINGS:
        if setting.name != "config_file":
            assert getattr(child, setting.name) == getattr(settings, setting.name), setting.name


def test_child_environment_drops_our_variables_and_keeps_the_rest():
    environ = {"PATH": "/bin", "CELLBLOCK_CONFIG": "/x.toml"}
    settings = config.load(environ={})
    child = config.child_environment(settings, environ)
    assert child["PATH"] == "/bin"
    assert "CELLBLOCK_CONFIG" not in child


def _with_output_that_can_be_kept(fields: dict[str, int]) -> dict[str, int]:
    return {
        name: min(value, config.OUTPUT_CEILING_BYTES) if name == "output_bytes" else value
        for name, value in fields.items()
    }


@given(
    st.dictionaries(
        st.sampled_from(["python", "c", "cpp", "csharp"]),
        st.dictionaries(
            st.sampled_from([*(profile.value for profile in Profile), "compile"]),
            st.dictionaries(
                st.sampled_from(Limits.__struct_fields__), st.integers(1, 2**63 - 1), min_size=1
            ).map(_with_output_that_can_be_kept),
            min_size=1,
        ),
    )
)
def test_limits_survive_the_way_through_the_environment(limits):
    settings = config.load(
        environ={"CELLBLOCK_LIMITS": config.SETTINGS_BY_NAME["limits"].kind.render(limits)}
    )
    assert settings.limits == limits


def test_origins_are_a_list_without_doubles():
    text = "https://a.example,http://localhost:5173, https://a.example,http://[::1]:8080"
    settings = config.load(environ={"HOME": "/home/u", "CELLBLOCK_CORS_ORIGINS": text})
    assert settings.cors_origins == ("https://a.example", "http://localhost:5173", "http://[::1]:8080")
    assert config.load(environ={"HOME": "/home/u"}).cors_origins == ()
