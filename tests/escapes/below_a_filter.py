"""`below_a_filter.py PORT CALL ATTACK…`: attack a service of its own whose filter has no rule for a call.

Run behind another filter it is with its service as both are in a container. Says as JSON how each ended.
"""

import json
import sys
import tempfile
from pathlib import Path

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks.caller import Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.front import wait_idle
from cellblock.attacks.instance import find_instance
from cellblock.attacks.manifest import trials
from e2e.instance import running_instance
from pace import TIME_SCALE

WITHOUT = """
import pyseccomp
whole = pyseccomp.SyscallFilter.add_rule_exactly
def without(self, action, call, *more):
    if call != {call!r}:
        whole(self, action, call, *more)
pyseccomp.SyscallFilter.add_rule_exactly = without
"""

port, call, *names = sys.argv[1:]
with tempfile.TemporaryDirectory() as directory:
    Path(directory, "sitecustomize.py").write_text(WITHOUT.format(call=call), encoding="utf-8")
    Path(directory).chmod(0o755)
    behind = ("env", f"PYTHONPATH={directory}")
    with running_instance(int(port), time_scale=TIME_SCALE, prefix=behind):
        instance = find_instance(int(port))
        wait_idle(instance)
        campaign = Campaign(Caller("127.0.0.1", int(port)), instance)
        chosen = {trial.name: trial for trial in trials() if trial.name in names}
        findings = {name: campaign.attempt(trial) for name, trial in chosen.items()}
json.dump(
    {name: [each.status, each.verdict, "; ".join(each.seen)] for name, each in findings.items()}, sys.stdout
)
