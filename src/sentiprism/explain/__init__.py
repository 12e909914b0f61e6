"""Explanation: what of an answer is owed to which modality, word and frame, beside what a model says of itself."""
