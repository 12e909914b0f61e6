"""Child processes with resource limits that end with their parent."""
