"""Attribute predictions to modalities, words and frames."""
