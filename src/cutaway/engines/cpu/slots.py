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
    SHARED,     # address of what they share: see below
    STEP,       # number of this step within the call
    LOSSES,     # address where each step's J goes (float64)
    RATES,      # address of each step's learning rate (float64)
    RATE,       # this step's learning rate, as float64 bits
) = range(17)

WIDTH = 24     # integers in a row: three cache lines
DONE, STOP, PIECES = 0, 8, 16  # in what is shared: pieces done; 1 ends a run; the parts that each shard has begun
IDLE, POSTED, TAKEN = range(3)  # what a waiting thread's mailbox says (pool.py)
NAMES = {name: value for name, value in globals().items() if name.isupper()}
