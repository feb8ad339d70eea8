"""Dropout, and the counter-based bits behind it: a value's fate depends on (seed, step, call, position) alone."""

from .namespace import xp
from .registry import rule


def scramble(h):
    """A bijection of 32-bit integers in which every input bit changes about half of the output bits."""
    h = xp.uint32(h ^ (h >> 16))
    h = xp.uint32(h * xp.uint32(0x7FEB352D))
    h = xp.uint32(h ^ (h >> 15))
    h = xp.uint32(h * xp.uint32(0x846CA68B))
    return xp.uint32(h ^ (h >> 16))


def random_bits(position, seed, step, call):
    """32 random bits for each position. The key enters twice, or masks of different steps could be rearrangements."""
    key = scramble(xp.uint32(scramble(xp.uint32(scramble(seed) ^ step)) ^ call))
    again = scramble(xp.uint32(key ^ xp.uint32(0x9E3779B9)))
    return scramble(xp.uint32(scramble(xp.uint32(position ^ key)) + again))


def word(value):
    """A counter as an array of one 32-bit word (arrays wrap around silently, as the hash wants)."""
    return xp.full((1,), value % 2**32 if isinstance(value, int) else value, xp.uint32)


def kept(shape, cut, seed, step, call):
    """Whether each value stays: where its 32 random bits are no smaller number than the cut."""
    size = 1
    for n in shape:
        size *= n
    bits = random_bits(xp.arange(size, dtype=xp.uint32), word(seed), word(step), word(call))
    return (bits >= cut).reshape(shape)


@rule("a = x / (1 - p) or 0", overwrites={"a": "x", "dx": "da"}, passes=True, keeps="channels places",
      slope="1/(1 − p) or 0", shapes="x (n*w)  a (n*w)")
def dropout(x, *, p, seed, step, call):
    """Each value is zero with probability p; the others grow by 1/(1 - p), so the mean stays."""
    return xp.where(kept(x.shape, xp.uint32(int(p * 2**32)), seed, step, call), x / (1 - p), 0)

def dropout_back(da, *, p, seed, step, call):
    return xp.where(kept(da.shape, xp.uint32(int(p * 2**32)), seed, step, call), da / (1 - p), 0)


@rule("a = x / (1 - p) or 0, the p of this stretch of steps", overwrites={"a": "x", "dx": "da"}, passes=True,
      fixed=("p",), keeps="channels places", slope={"x": "1/(1 − p) or 0"}, shapes="x (n*w)  p (s)  a (n*w)")
def falling_dropout(x, p, *, every, seed, step, call):
    """Dropout whose p changes over a run: p[0] for the first `every` steps, then p[1] and so on; the last one stays."""
    now = probability(p, every, step)
    return xp.where(kept(x.shape, cut_at(now), seed, step, call), x / (1 - now), 0)

def falling_dropout_back(da, p, *, every, seed, step, call):
    now = probability(p, every, step)
    return xp.where(kept(da.shape, cut_at(now), seed, step, call), da / (1 - now), 0), None

def falling_dropout_shape(x, p, *, every, seed, step, call):
    if len(p) != 1 or not p[0]:
        raise ValueError("p is a vector, with a probability for each stretch of steps")
    return x


def probability(p, every, step):
    """The p of a step (from 1). It is read from a table, so that every engine has the same bits."""
    return xp.take(p, xp.minimum((step - 1) // every, p.shape[0] - 1))


def cut_at(p):
    return (p * 4294967296.0).astype(xp.uint32)
