// Numbers as a tone that rises and falls with them, three seconds long.

/** @param {ArrayLike<number | null>} values @param {boolean} [log] whether equal ratios are equal steps */
export function hear(values, log) {
  const known = Array.from(values).filter((v) => v !== null && Number.isFinite(v) && (!log || v > 0)).map((v) => (log ? Math.log10(Number(v)) : Number(v)));
  if (!known.length) return;
  const low = Math.min(...known), span = Math.max(...known) - low || 1;
  const sound = new AudioContext(), tone = sound.createOscillator(), loud = sound.createGain();
  tone.frequency.setValueCurveAtTime(new Float32Array(120).map((_, k) => 180 * 2 ** (2.5 * (known[Math.min(known.length - 1, Math.floor(k * known.length / 120))] - low) / span)), sound.currentTime, 3);
  loud.gain.value = 0.08;
  tone.connect(loud).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 3);
  tone.onended = () => sound.close();
}
