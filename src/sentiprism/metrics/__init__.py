"""Metrics: of intensities (MAE, Acc-2, F1, ...), of CH-SIMS, of class logits; and protocols by name."""

from sentiprism.metrics.protocols import PROTOCOLS, Metric, Protocol, protocol, protocol_for

__all__ = ["PROTOCOLS", "Metric", "Protocol", "protocol", "protocol_for"]
