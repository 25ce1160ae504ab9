"""Who runs a job, and when: here, the queue of the one service on this machine."""

from cellblock.dispatch.local import Entry, Errand, LocalQueue, Waiting

__all__ = ["Entry", "Errand", "LocalQueue", "Waiting"]
