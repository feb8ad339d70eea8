"""The WebAssembly engine: the kernels of programs as a module that trains in a page.

    program = ct.compile(model, loss, optimizer, batch_size, X, y, engine="wasm", keep_all=True)
    program.feed(X, y)                           # the rows to train on
    ahead = ct.engines.evaluator(model, X, engine="wasm", batch_size=256)
    ahead.feed(np.zeros((4096, 20)))             # as many rows as are asked for at once
    made = assembled({"train": program, "forward": ahead})
    made.wasm, made.manifest                     # bytes, and JSON that says where in memory everything lies

To compile needs no package beside llvmlite; `program.run()` in Python needs wasmtime (`pip install "cutaway[wasm]"`).

**The module** imports nothing. A fresh instance stands before the next step. It exports `memory` and, all numbers i32,

- `run(program, steps)`: do up to so many steps of a program (by its number), from POSITION in its order on; gives the
  steps done. Fewer: the rows are at their end (put an order, set POSITION to 0), or STOPPED is 1, since J or a gradient
  was not finite: that step was not done. The J of each step stands in `losses`. A step of an evaluation is a batch of
  it.
- `one(program, i)`: run instruction i alone; 0 begins a step and counts it. Set STEP to -1 before the first step. Where
  STOPPED is 1 after the instruction "check", the step ends there: take one from T, set POSITION to NOW.

**The manifest** is plain JSON. `pages` (64 KiB each) and `bytes` of memory. `state`: the arrays that outlive a step, by
name, with the programs that use them; a copy of these, and of T and POSITION, is a snapshot. `parameters`: where each
weight begins in θ, in g, and in vectors laid out alike. `programs`, by name:

- `number`, `trains`, `optimizer`, `batch_size`: the most rows that a batch may have.
- `slots`: addresses of 64-bit whole numbers: T (steps done), POSITION and ROWS (in the order), BATCH (rows of a batch,
  1 to batch_size), SEED (of dropout), N and NOW (rows of the last batch, and where it began), STEP (of this call),
  ORDER, LOSSES, RATES (addresses), STOPPED. RATE is a float64: the learning rate where there is no schedule.
- `order`: int64 row numbers, `rows` of them. `losses`, `rates` (null without a schedule): float64, for step STEP.
- `data`: the rows, by name. `outputs`: of an evaluation, where its rows stand.
- `settings`: the numbers of the optimizer, float64 in place: write there to change them.
- `values`: name, shape, dtype, role, address. rows: 0, or k where the array has k N rows of that shape. With keep_all
  each can be read after a step. `instructions`: what is read and written are numbers of values; `text` is the kernel.
- `loss`, `output`, `target`, `inputs`: numbers of values.

Its bits are those of engine="portable", and of the engine "wasm" in Python.
"""

from .assembly import Assembled, assembled

__all__ = ["Assembled", "assembled"]
