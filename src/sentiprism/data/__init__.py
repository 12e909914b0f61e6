"""Datasets: importers, the store, batching and the synthetic dataset."""
