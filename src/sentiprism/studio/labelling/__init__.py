"""Labelling: tasks, utterances, blind raters, their agreement, and the labels that come of it."""
