"""Jobs: rows of work, each done by a process of its own that outlives the server."""
