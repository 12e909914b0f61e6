"""Evaluation on data that was not used for tuning, with standard deviations, intervals and the selection rule."""
