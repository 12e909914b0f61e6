"""Reports: the schema of an analysis, its wording for readers, pages and tables of recordings, figures of runs."""
