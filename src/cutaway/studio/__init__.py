"""The studio: a page in the browser in which a file becomes a network that can be watched, opened and forked.

`command.py` starts it. The server (server.py, guards.py, uploads.py, stream.py) computes nothing: each run has a
process of its own (worker.py), which reads the file and trains as `cutaway fit` does (training.py), looks into steps
(inside.py) and forks them (forks.py). What a run is lies in a folder (folder.py), so that it outlives page and server.
`static/` is the page, plain modules.
"""
