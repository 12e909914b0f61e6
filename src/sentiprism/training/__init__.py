"""Training: one command, several seeds, selected on valid."""
