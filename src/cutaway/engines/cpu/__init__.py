"""The CPU engine: machine code from rules and hand-written kernels."""
