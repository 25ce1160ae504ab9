"""A whole campaign against the service of one port, from finding it to its scorecard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from cellblock.attacks import machine, scorecard
from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.instance import Instance, find_instance, serves_as_root
from cellblock.attacks.manifest import Finding, Trial
from cellblock.attacks.scorecard import Scorecard
from cellblock.attacks.settling import settle
from cellblock.errors import HostError

_SETTLES_WITHIN_S = 10.0
_IDLE_WITHIN_S = 60.0
_IDLE_FOR_S = 1.0
"""A service that has just started tests its languages one after the other, with moments of rest."""


def attack(
    host: str,
    port: int,
    trials: list[Trial],
    *,
    key: str = "",
    note: Callable[[Finding], None] = lambda _: None,
) -> Scorecard:
    """Try attacks on whoever listens on ``port`` of this machine; nobody else may use it meanwhile.

    Those in the root of the host's own programs are left out where no runtime with it is offered.
    Raises ``HostError`` where it is not ours to attack: no root, no such service, one in use.
    """
    instance = find_instance(port)
    caller = Caller(host, port, key)
    try:
        health = caller.send("GET", "/api/health").json()
    except OSError as error:
        raise HostError(f"nobody answers on {host} port {port}: {error}") from error
    strict = health.get("enforcement_mode") == "strict"
    wait_idle(instance)
    campaign = Campaign(caller, instance, strict=strict)
    if health.get("cgroup_backend") and not instance.groups:
        raise HostError("the cells' control groups are not below /sys/fs/cgroup: what is left is not seen")
    # What is started for the first program of a kind stays, and is no growth; after each attack Python runs.
    for language in dict.fromkeys(["python", *(trial.needs for trial in trials if trial.needs)]):
        if campaign.language_runs(language):
            campaign.starts_warm(language)
    if not campaign.version_of_the_host:
        trials = [trial for trial in trials if not trial.of_the_host]
    wait_idle(instance)
    before = machine.growth(instance)
    findings = list(_noted(campaign, trials, note))
    return scorecard.draw_up(
        findings,
        cgroups=str(health.get("cgroup_backend")),
        as_root=serves_as_root(instance),
        mode=str(health.get("enforcement_mode")),
        growth=_grown(instance, before),
    )


def _noted(campaign: Campaign, trials: list[Trial], note: Callable[[Finding], None]) -> Iterator[Finding]:
    for trial in trials:
        finding = campaign.attempt(trial)
        note(finding)
        yield finding


def wait_idle(instance: Instance) -> None:
    """Wait until nothing runs; what is left of a run could not be told from what an attack left."""
    left = settle(instance, within_s=_IDLE_WITHIN_S, rests_for_s=_IDLE_FOR_S)
    if any(left.values()):
        raise HostError(f"the service is in use, or something is left of its runs: {left}")


def _grown(instance: Instance, before: dict[str, int]) -> list[str]:
    """Name what there is more of than before, given time to settle."""
    deadline_s = time.monotonic() + _SETTLES_WITHIN_S
    while True:
        now = machine.growth(instance)
        grown = [f"{name}: {before.get(name, 0)} → {count}" for name, count in now.items()
                 if count > before.get(name, 0)]  # fmt: skip
        if not grown or time.monotonic() > deadline_s:
            return grown
        time.sleep(0.1)
