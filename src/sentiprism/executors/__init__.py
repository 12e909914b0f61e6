"""Executors: run a function on many items in this process, in local processes, or on a cluster."""
