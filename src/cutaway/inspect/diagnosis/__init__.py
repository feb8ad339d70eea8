"""What is wrong with a network or a run, since when, and the one change that should mend it."""
