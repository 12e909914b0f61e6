"""Reports of analyses (schema, wording, pages and tables) and figures of runs."""
