"""Features: what a modality is turned into before a model sees it, and the pinned files that needs."""
