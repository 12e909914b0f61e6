"""Analyse sound and pictures while they arrive."""
