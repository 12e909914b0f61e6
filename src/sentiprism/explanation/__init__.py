"""Explain predictions by modalities, words and frames, beside what a model says of itself."""
