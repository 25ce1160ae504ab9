"""The processes of an instance: the parent, what it starts, and how each gives up its rights."""
