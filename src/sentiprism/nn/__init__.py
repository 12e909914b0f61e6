"""Blocks shared by the models: encoders, masked operations, objectives."""
