"""Reproduce tables of papers, and write a page of results."""
