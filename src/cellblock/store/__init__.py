"""What was submitted and what came of it, on disk. The only room that knows SQL."""

from cellblock.store.rows import final_status
from cellblock.store.store import NewSubmission, Store, Unfinished, preload

__all__ = ["NewSubmission", "Store", "Unfinished", "final_status", "preload"]
