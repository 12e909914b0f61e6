"""Contracts: what every model, extractor and metric keeps, built in or of a plugin; each is one plain function."""
