"""Optimizers on loss surfaces of two weights."""
