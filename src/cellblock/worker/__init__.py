"""Takes what waits, has the supervisor run it, keeps what came out."""

from cellblock.worker.retention import Retention
from cellblock.worker.worker import Worker

__all__ = ["Retention", "Worker"]
