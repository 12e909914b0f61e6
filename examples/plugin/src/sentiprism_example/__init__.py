"""A model, an extractor, a metric and an importer for sentiprism."""
