"""What the API says about itself: an OpenAPI document, and a page for people that is made from it."""

from cellblock.api.reference.routes import routes

__all__ = ["routes"]
