"""The HTML page of a recording: one file that holds everything it needs and fetches nothing."""
