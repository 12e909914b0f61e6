"""Extractors by the name a user gives: built in, or ``hf-audio:NAME`` and ``hf-vision:NAME`` with a network."""
