"""Extractors with pretrained networks, ``hf-audio:NAME`` and ``hf-vision:NAME``."""
