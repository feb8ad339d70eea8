"""A training run one instruction at a time, forward and back, with conditions, changes by hand and forks."""
