"""What models cost in time and memory."""
