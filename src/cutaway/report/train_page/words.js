// Every word of the page, by name: {n} is put in. Another language is another object.

const ENGLISH = {
  untitled: "{network}, ready to train",
  facts: "{rows} rows · {loss} · {weights} weights · every number here is computed in your browser by the run's own program",
  broken: "Step {step} could not be done: J or a gradient is not finite. Go back, and try a smaller learning rate.",
  cannot: "This browser cannot run the page: {why}. It needs WebAssembly with SIMD (any browser since 2023).",
  // controls
  controls: "How it learns", optimizer: "Optimizer", lr: "Learning rate", batch: "Batch size", seed: "Seed",
  speed: "Speed", slow: "a step a second", walk: "10 steps a second", run: "a step a frame", fly: "as fast as it goes",
  more: "Settings of {name}", fork: "Fork", forkTitle: "A second future from here: both train on the same batches",
  restart: "Start again", restartTitle: "From the first weights, with the settings as they are now",
  begins: "Begin from", first: "the first weights", trained: "the trained weights", fresh: "fresh weights of this seed",
  all: "{n}, all rows", wrongNumber: "{name} must be a number from {least} to {most}.",
  // network
  network: "Network", sample: "Sample", sampleOf: "of {n} in this batch, row {row}",
  networkLabel: "Network. Arrow keys go from neuron to neuron, Enter opens one.",
  unit: "{layer}, {kind} {name}: {value}", input: "input", neuron: "unit", notShown: "⋯ {n} more",
  legendPlane: "Each tile is what a unit answers over the map: below zero {scale} above. Lines are weights.",
  legendSample: "Each unit for the sample: below zero {scale} above. Lines are weights.",
  // map
  map: "What it has learnt", mapLabel: "Decision regions over {x} and {y}: {score}", axisX: "across", axisY: "up",
  others: "The other inputs stand at their means.", accuracy: "{percent} of the page's rows are right",
  error: "root mean squared error over the page's rows: {rmse}", lineLabel: "Prediction over {x}: {score}",
  sampleLabel: "Sample {k}: {truth}, answers {answer}", truth: "truth {truth}",
  // curve
  curve: "Loss", curveLabel: "J by step: {words}", step: "step", ghost: "the run in Python",
  curveWords: "{name} stands after step {step} with J {J}", numbers: "Numbers", table: "J of the last steps",
  noStep: "No step is done yet: press Train, or the space bar.",
  // one weight
  why: "One weight", whyHint: "Click a line of the network, or a number: here is where it comes from.",
  weight: "Weight", value: "Value", set: "Set", freeze: "frozen",
  gradient: "Its gradient", sumOver: "∂J/∂{symbol} = {total}, a sum over the {n} rows of the batch; the largest:",
  single: "∂J/∂{symbol} = {total}", row: "row", adds: "adds", rest: "{n} more", sum: "sum",
  chain: "The chain rule, through row {row}", chainRest: "from J back to the weight; at a fork the largest way is taken",
  from: "number", is: "is", way: "way",
  update: "Its update in this step", becomes: "{before} → {after}", part: "part", soFar: "step so far", rounding: "rounding",
  clipped: "g here is what {what} made of the gradient.", ownRule: "Its rule states no equations that a page can fill in.",
  incoming: "Incoming weights", formula: "Formula",
  isFrozen: "It is frozen: the update is taken back after each step.",
  // runs
  runs: "Futures", runName: "future {letter}", original: "the first", changes: "changes", none: "none",
  afterStep: "after step {at}: {words}", distance: "‖Δθ‖", remove: "Remove",
  changed: "{name} = {value}", used: "{name}, learning rate {lr}", wrote: "{symbol} = {value}", froze: "{symbol} frozen",
  thawed: "{symbol} trained again", forkedFrom: "forked from {name} after step {at}",
  // program
  program: "The program of one step", programHint: "What runs, line by line; a line shows what it read and wrote in the step that comes.",
  reads: "Reads", writes: "Writes", looks: "It looks, and writes nothing that is kept.",
  min: "min", mean: "mean", max: "max", one: "one number",
  // transport
  play: "Train", pause: "Pause", where: "Step {step} · epoch {epoch} · J {J}", whereStart: "Before step 1 · J {J}",
  said: "Step {step}, epoch {epoch}. J {J}.", sliderText: "step {step} of {head}",
};

let words = ENGLISH;

/** The words of this name, with values in place of {names}. */
export function say(name, values = {}) {
  if (!(name in words)) throw new Error(`no words called ${name}`);
  return words[name].replace(/\{(\w+)\}/g, (whole, key) => key in values ? values[key] : whole);
}
