"""Compare many analysed recordings: sentiment by group, over time, and paired within persons."""
