"""What a step is made of: how many rows, in which order, at which rate."""
