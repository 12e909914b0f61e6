"""Importers, one file a format, and the one door to them."""
