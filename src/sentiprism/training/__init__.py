"""Training: several seeds, selected on valid."""
