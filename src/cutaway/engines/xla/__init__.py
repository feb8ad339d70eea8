"""The XLA engine: every step of a run as one function that JAX compiles."""
