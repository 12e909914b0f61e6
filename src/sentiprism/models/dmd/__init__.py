"""DMD: the model, and the blocks that it alone uses."""
