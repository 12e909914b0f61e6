"""Child processes with limits, which end with their parent."""
