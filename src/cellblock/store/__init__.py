"""What was submitted and what came of it, on disk. The only room that knows SQL."""

from cellblock.store.database import Database, database_file, preload
from cellblock.store.deliveries import Deliveries, Delivery, Due
from cellblock.store.keys import ApiKey, Keys, KeysError, NewKey
from cellblock.store.old_records import OldRecords
from cellblock.store.rows import final_status
from cellblock.store.store import NewSubmission, Store, Unfinished

__all__ = [
    "ApiKey",
    "Database",
    "Deliveries",
    "Delivery",
    "Due",
    "Keys",
    "KeysError",
    "NewKey",
    "NewSubmission",
    "OldRecords",
    "Store",
    "Unfinished",
    "database_file",
    "final_status",
    "preload",
]
