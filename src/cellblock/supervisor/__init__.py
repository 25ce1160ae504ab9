"""The privileged side's front door: a unix-socket server around the engine, and its client."""
