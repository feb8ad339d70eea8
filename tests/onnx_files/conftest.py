"""What is no test here: scripts that make files, with packages that the tests do not need."""

collect_ignore_glob = ["make_*.py"]
