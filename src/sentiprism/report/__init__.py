"""Reports: figures of runs, and pages of recordings."""
