"""One training step with every value its instructions read and wrote: recorded, replayed, printed, kept in files."""
