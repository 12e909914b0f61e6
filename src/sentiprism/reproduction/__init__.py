"""The papers' tables, and a page of results."""
