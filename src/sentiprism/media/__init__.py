"""Recordings: what is in a file, its frames and its sound, what is said in it and when."""
