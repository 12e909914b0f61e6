"""Feature extraction: the inputs of models from sound and pictures."""
