"""Search of a model's settings on valid."""
