"""Where the tests are patient, so are the attacks; to be imported before any of them is tried."""

from __future__ import annotations

from cellblock.attacks import caller, campaign, front, partners, standing
from pace import TIME_SCALE

_WAITS = {
    caller: ("_TIMEOUT_S",),
    campaign: ("_GONE_WITHIN_S", "_READY_WITHIN_S", "_LATE_MS"),
    front: ("_SETTLES_WITHIN_S", "_IDLE_WITHIN_S"),
    partners: ("_STARTS_WITHIN_S", "_SETTLES_S", "HOLDS_S"),
    standing: ("_SETTLES_WITHIN_S",),
}  # fmt: skip

for module, names in _WAITS.items():
    for name in names:
        setattr(module, name, getattr(module, name) * TIME_SCALE)
