"""How patient the tests have to be where they run."""

from __future__ import annotations

import os

# Taken out of the environment, so that processes under test see settings of cellblock only.
TIME_SCALE = float(os.environ.pop("CELLBLOCK_TEST_TIME_SCALE", "1"))
"""Waits, tolerances and programs' time limits are multiplied by this: 1 on hardware, more in an emulator."""
