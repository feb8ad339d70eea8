"""What networks can represent: any function with enough neurons, a line without an activation, and the bend."""
