"""Objectives: the task's, and one auxiliary loss a file."""
