"""Attacks on a running service, from outside: payloads, what must become of them, and who watches.

``manifest/`` says what each attack tries and what is allowed; ``payloads/`` holds the programs;
``campaign`` sends them over the public API. Whether one succeeded is read from the host (``ground``,
``machine``) or from a secret that only the host could have told, never from what a payload says.
"""
