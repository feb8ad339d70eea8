"""The engine's own instructions as kernels: taking a batch, storing outputs, checking, and the loop over all.

Written in the language of kernels/; `s` is the step state (slots.py).
"""

# ruff: noqa: F821


def batch(s):
    s[T] += 1
    s[STEP] += 1
    total = min(s[BATCH], s[ROWS] - s[POSITION])
    share = (total + s[SHARDS] - 1) // s[SHARDS]
    first = min(s[SHARD] * share, total)
    s[N], s[FIRST], s[TOTAL] = min(share, total - first), first, total
    s[NOW] = s[POSITION]
    s[POSITION] += total


def gather(s, n, now, order, data, out, w):
    """Rows from all over the data come from far: some further on are asked for while one is copied."""
    further = max(2, min(64, 4096 // max(w, 1)))
    for i in range(n):
        row = now + i
        if given(order):
            row = order[now + i]
            if w > 1 and now + i + further < s[ROWS]:
                for j in range(0, w, 16):
                    prefetch(at(data, order[now + i + further] * w + j))
        _copy(at(data, row * w), at(out, i * w), w)


def store(n, now, x, out, w):
    for j in range(n * w):
        out[now * w + j] = x[j]


def fill(n, x, w, value):
    for j in range(n * w):
        x[j] = value


def fill_whole(x, w, value):
    for j in range(w):
        x[j] = value


def assign(new, old, k):
    for j in range(k):
        old[j] = new[j]


def check(s, shard, J, g, lo, hi):
    """Note the loss; stop if it or any gradient is not finite."""
    bad = np.uint32(0)
    for j in range(lo, hi):
        bad += np.uint32(not abs(g[j]) < np.inf)
    if shard == 0:
        ints(s[LOSSES])[s[STEP]] = bits(np.float64(J[0]))
        bad += np.uint32(not abs(np.float64(J[0])) < np.inf)
    if bad:
        ints(s[SHARED])[STOP] = 1


def schedule(s):
    s[RATE] = ints(s[RATES])[s[STEP]]


def reduce(g, lo, hi, shards, w):
    for k in range(1, shards):
        for j in range(lo, hi):
            g[j] += g[k * w + j]


def clip_norm(g, w, norm):
    """The length is summed in double, in eight interleaved sums so that it vectorises in a fixed order."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for j in range(0, w - 3, 4):
        a += np.float64(g[j]) * np.float64(g[j])
        b += np.float64(g[j + 1]) * np.float64(g[j + 1])
        c += np.float64(g[j + 2]) * np.float64(g[j + 2])
        d += np.float64(g[j + 3]) * np.float64(g[j + 3])
    for j in range(w - w % 4, w):
        a += np.float64(g[j]) * np.float64(g[j])
    length = np.sqrt(a + b + c + d)
    if length > norm:
        scale = F(norm / length)
        for j in range(w):
            g[j] *= scale


def run(p, s):
    """One thread's part of some steps: while there is one, take a piece of work that may begin. A piece is a shard's
    part of the instructions between two fences; it may begin when all pieces before the fence are done. A thread takes
    the piece of its own shard s first, whose numbers are in its core's cache, then one that nobody has begun."""
    code, params, steps, fences, parts, width, shards, state = (
        ints(p[0]), ints(p[1]), p[2], ints(p[3]), p[4], p[5], p[6], p[7])
    shared, own, mode = ints(s[SHARED]), s[SHARD], float_mode()
    set_float_mode(mode | FLUSH)
    done, taken, going = at(shared, DONE), at(shared, PIECES), 1
    while going:
        finished = atomic_load(done)
        part = finished // shards
        if part == steps * parts or (part % parts == 0 and shared[STOP]):
            going = 0
        else:
            shard = own
            while shard < own + shards and not exchange(at(taken, shard % shards), part, part + 1):
                shard += 1
            if shard == own + shards:
                _wait(done, finished)
            else:
                shard, part = shard % shards, part % parts
                for i in range(fences[part], fences[part + 1]):
                    call(code[i], at(params, i * width), at(s, (shard - own) * state))
                if (atomic_add(done, 1) + 1) % shards == 0:
                    _tell(done)
    set_float_mode(mode)


def lead(p, s):
    """Run some steps together with the threads whose mailboxes stand at p[10] and after. Who has not come by the end
    is not waited for."""
    for k in range(p[9]):
        exchange(ints(p[10 + k]), IDLE, POSTED)
        _tell(ints(p[10 + k]))
    call(p[8], p, s)
    for k in range(p[9]):
        if not exchange(ints(p[10 + k]), POSTED, IDLE):
            _wait(ints(p[10 + k]), TAKEN)


def serve(p, s):
    """The life of a thread that helps others: wait for a letter in its mailbox p, run what it names, wait again."""
    while p[0] >= 0:
        _wait(p, IDLE)
        if exchange(p, POSTED, TAKEN):
            call(p[2], ints(p[3]), ints(p[4]))
            exchange(p, TAKEN, IDLE)
            _tell(p)


def _wait(word, seen):
    """Wait until a word is no longer what was seen: at first for oneself, then in turn with whoever wants the core,
    another program or the thread that is waited for, and asleep in the end. To sleep at once would cost more than most
    waits take: a system may wake a thread on a core that is busy. The next word counts who sleeps."""
    turns = 0
    while atomic_load(word) == seen:
        turns += 1
        if turns < AWAKE:
            pause()
        elif turns < AWAKE + OFFERS:
            give_way()
        else:
            atomic_add(at(word, 1), 1)
            sleep_while(word, seen, turns - AWAKE - OFFERS)
            atomic_add(at(word, 1), -1)


def _tell(word):
    """Wake those who sleep until a word changes."""
    if atomic_load(at(word, 1)) > 0:
        wake(word)
