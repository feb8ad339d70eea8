"""The reference engine: every instruction by its rule, in NumPy."""
