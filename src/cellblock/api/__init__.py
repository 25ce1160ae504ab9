"""HTTP: one folder a dialect, and what all dialects share."""
