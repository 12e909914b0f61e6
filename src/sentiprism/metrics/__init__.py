"""Metrics of the field, unrounded, and the protocols that say which a dataset is reported with."""

from sentiprism.metrics.protocols import PROTOCOLS, Metric, Protocol, protocol, protocol_for

__all__ = ["PROTOCOLS", "Metric", "Protocol", "protocol", "protocol_for"]
