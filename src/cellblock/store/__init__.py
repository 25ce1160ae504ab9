"""What was submitted and what came of it, on disk. The only room that knows SQL."""

from cellblock.store.database import Database, preload
from cellblock.store.rows import final_status
from cellblock.store.store import NewSubmission, Store, Unfinished

__all__ = ["Database", "NewSubmission", "Store", "Unfinished", "final_status", "preload"]
