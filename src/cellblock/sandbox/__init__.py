"""Cells: the kernel walls around one run, their controls read back, their teardown verified."""
