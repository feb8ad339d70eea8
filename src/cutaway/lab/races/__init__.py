"""Optimizers on one's own network, tuned alike and compared over seeds."""
