"""Pinned files by name: checksum, licence and sources."""
