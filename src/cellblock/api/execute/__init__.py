"""The execute API: a program and its files in, its output back, nothing kept."""
