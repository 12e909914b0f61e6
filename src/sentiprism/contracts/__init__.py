"""Contracts: checks that every model, extractor and metric must pass, built in or from a plugin."""
