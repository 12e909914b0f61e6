"""The HTML page of a recording: one self-contained file without network access."""
