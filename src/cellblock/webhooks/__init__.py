"""Results are told to whoever asked for it: outbox rows become signed, retried HTTP requests.

A receiver's address comes from a stranger, so nothing is contacted that is not on the public
internet: the URL is checked when it is submitted (``admission``), and each attempt looks the name
up again and connects to the very address that it has checked (``sending``).
"""

from cellblock.webhooks.admission import Admission
from cellblock.webhooks.deliverer import Bounds, Deliverer
from cellblock.webhooks.network import Network, preload, public_network

__all__ = ["Admission", "Bounds", "Deliverer", "Network", "preload", "public_network"]
