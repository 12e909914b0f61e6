"""Measure the time and memory that models need."""
