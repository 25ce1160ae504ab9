"""Every setting of cellblock, in one table, and the only reader of the environment.

A setting has one name and from it a flag (``--data-dir``), a variable (``CELLBLOCK_DATA_DIR``) and
a TOML key (``data_dir``). The nearer source wins: flag, variable, file, default. ``--help`` and
``docs/settings.md`` are printed from the same table.
"""

from cellblock.config.kinds import OUTPUT_CEILING_BYTES, LimitOverrides
from cellblock.config.loading import as_environment, child_environment, load
from cellblock.config.table import SETTINGS, SETTINGS_BY_NAME, Setting, Settings

__all__ = [
    "OUTPUT_CEILING_BYTES",
    "SETTINGS",
    "SETTINGS_BY_NAME",
    "LimitOverrides",
    "Setting",
    "Settings",
    "as_environment",
    "child_environment",
    "load",
]
