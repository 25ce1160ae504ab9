"""Piston's own API (v2): the execute API in its words, for the clients that there are."""
