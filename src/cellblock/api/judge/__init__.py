"""The judge API: submit a program, read its record."""
