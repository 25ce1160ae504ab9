"""``cellblock keys``: who may use the service. Works beside a running service and without one."""

from __future__ import annotations

import sys

import click

from cellblock.cli.options import settings_options
from cellblock.config import Settings
from cellblock.model import Profile

_LONGEST_NAME = 64
_WHERE = ("config_file", "data_dir", "service_user")
_AT_LEAST_ONE = click.IntRange(min=1, max=2**31 - 1)


def _check_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not (0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()):
        raise click.BadParameter(f"expected 1 to {_LONGEST_NAME} printable characters, got {name!r}")
    if name.startswith("-"):
        raise click.BadParameter(f"{name!r} looks like an option; choose a name that does not begin with -")
    if name.startswith("key_"):
        raise click.BadParameter(
            f"{name!r} looks like a key's id; choose a name that does not begin with key_"
        )
    return name


@click.group()
def keys() -> None:
    """API keys: who may use the service, with which profiles, and how much.

    A running service follows with its next request. Without any key it serves this machine only and
    asks for none.
    """


@keys.command()
@click.option("--name", required=True, callback=_check_name, help="What the key is called in lists.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Choice([profile.value for profile in Profile]),
    default=[Profile.JUDGE.value],
    show_default=True,
    help="Limits that its programs may run under; several may be given, the first is the default. "
    "The execute API needs executor.",
)
@click.option("--per-minute", type=_AT_LEAST_ONE, help="Requests for runs in a minute; without it, no limit.")
@click.option("--per-day", type=_AT_LEAST_ONE, help="Requests for runs in a day; without it, no limit.")
@click.option("--concurrency", type=_AT_LEAST_ONE, help="Programs that run at once; further ones wait.")
@settings_options(only=_WHERE)
def create(
    settings: Settings,
    *,
    name: str,
    profiles: tuple[str, ...],
    per_minute: int | None,
    per_day: int | None,
    concurrency: int | None,
) -> None:
    """Make a key and print its token, which is shown this once and not kept.

    The first key closes a running service to requests without one.
    """
    from cellblock.cli import key_store  # noqa: PLC0415  # SQLAlchemy: only these commands pay for it

    key, token = key_store.create(
        settings,
        name=name,
        profiles=tuple(Profile(profile) for profile in dict.fromkeys(profiles)),
        per_minute=per_minute,
        per_day=per_day,
        concurrency=concurrency,
    )
    click.echo(token)
    click.echo(
        f"{key.id} ({key.name}), for the service whose data are in {settings.data_dir}: "
        "the token above is kept nowhere and cannot be shown again. "
        "Send it as X-API-Key or as Authorization: Bearer.",
        err=True,
    )


@keys.command("list")
@settings_options(only=_WHERE)
def list_keys(settings: Settings) -> None:
    """Show every key, revoked ones too; of its token the beginning."""
    from cellblock.cli import key_store  # noqa: PLC0415

    found = key_store.all_keys(settings)
    if found:
        key_store.show(found, is_terminal=sys.stdout.isatty())
    else:
        click.echo(
            "There are no keys: a service on this machine's loopback addresses asks for none.", err=True
        )


@keys.command()
@click.argument("name_or_id", metavar="NAME|ID")
@settings_options(only=_WHERE)
def revoke(settings: Settings, *, name_or_id: str) -> None:
    """Make a key worthless, from the next request on and for ever.

    A service whose last key is revoked stays closed to everybody.
    """
    from cellblock.cli import key_store  # noqa: PLC0415

    key, left = key_store.revoke(settings, name_or_id)
    click.echo(f"revoked {key.id} ({key.name}); its records are kept, what it submitted still runs")
    if not left:
        click.echo(
            "That was the last valid key: every request is now refused (401). `cellblock keys create` "
            "makes another; `cellblock keys forget` lets a service on a loopback address do without again.",
            err=True,
        )


@keys.command()
@settings_options(only=_WHERE)
def forget(settings: Settings) -> None:
    """Drop what is kept of revoked keys.

    Where no key is left then, a service on a loopback address answers without one again.
    """
    from cellblock.cli import key_store  # noqa: PLC0415

    click.echo(f"revoked keys forgotten: {key_store.forget(settings)}")
