"""cutaway lab: the lecture's claims as experiments, one file each; app.py lists them."""
