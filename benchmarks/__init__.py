"""Results of `cutaway bench`, and how they become tables and pictures."""
