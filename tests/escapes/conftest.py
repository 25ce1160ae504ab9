"""What all tests of attacks share."""

import escapes.patience  # noqa: F401  # for what it does
