"""Figures for Prometheus. The only room that knows its client library."""

from cellblock.metrics.figures import Metrics

__all__ = ["Metrics"]
