"""From a recording to its sentiment: the way through all rooms."""
