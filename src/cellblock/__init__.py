"""cellblock: run other people's code in a kernel cell and say truthfully what happened."""

__version__ = "0.1.0"
