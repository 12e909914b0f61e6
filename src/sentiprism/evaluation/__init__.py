"""Evaluation: measured on what was not tuned on, with deviation, interval and the selection rule."""
