"""The step state: what every kernel may know of the step under way, one row of 64-bit integers for each thread."""

(
    N,          # rows of the batch that are this shard's
    FIRST,      # number of the first of them within the batch
    TOTAL,      # rows of the whole batch
    T,          # number of this training step, from 1
    POSITION,   # where the next batch starts in the order
    NOW,        # where this batch starts
    BATCH,      # batch size
    ROWS,       # rows of data (or of the order)
    ORDER,      # address of the row numbers in the order of the epoch, or 0: rows as they come
    SEED,
    SHARD,      # number of this shard
    SHARDS,     # how many share the batch
    SHARED,     # address of what they share: [arrivals at barriers, stop]
    TARGET,     # arrivals at which the next barrier opens
    SERIAL,     # 1: one thread runs all shards, barriers do nothing
    STEP,       # number of this step within the call
    LOSSES,     # address where each step's J goes (float64)
    RATES,      # address of each step's learning rate (float64)
    RATE,       # this step's learning rate, as float64 bits
) = range(19)

WIDTH = 24     # integers in a row: three cache lines
STOP = 8       # where the stop flag stands in what is shared: on a cache line of its own
NAMES = {name: value for name, value in globals().items() if name.isupper()}
