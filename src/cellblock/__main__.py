"""``python -m cellblock`` is ``cellblock``."""

from cellblock.cli import main

main()
