"""Languages as data: one TOML a runtime in ``catalog/``, loaded and checked here."""
