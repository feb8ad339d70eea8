"""The lab: the lecture's claims as experiments, on loss surfaces, on data that ships and on your own.

Every experiment trains with the rules, programs and engines that train any model; none has code of its own for that.
"""
