"""Analyse recordings and texts, extract datasets from recordings, and adapt saved models."""
