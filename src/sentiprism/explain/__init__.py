"""Explanation: what of a prediction is due to which modality, word and frame, beside what a model says of itself."""
