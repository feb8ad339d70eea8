"""The true loss around a trained network, between two, and under the paths of runs."""
