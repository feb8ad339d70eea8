"""The portable engine: the CPU engine's kernels in the arithmetic that every machine has."""
