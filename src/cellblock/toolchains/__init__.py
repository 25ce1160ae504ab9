"""Getting toolchains: one Debian tree for all cells, and components of Python and npm packages beside it.

``wanted`` says what the catalog asks for, ``place`` keeps what is there, ``install`` brings the one to the
other; ``tree`` and ``components`` do the work. Nothing here runs a submitted program.
"""
