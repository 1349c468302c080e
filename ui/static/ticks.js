// The ticks of an axis and their labels.

// ticks returns about count round numbers between two bounds.
export function ticks(from, to, about) {
  const span = to - from;
  if (!(span > 0) || !Number.isFinite(span)) return { step: 1, values: [from] };
  const raw = span / Math.max(about, 1), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  const values = [];
  // + 0, so that no zero is negative
  for (let i = Math.ceil(from / step - 1e-9); i <= to / step + 1e-9; i++) values.push(i * step + 0);
  return { step, values };
}

// decimals is how many digits after the point a step needs.
export const decimals = (step) => Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 12);

// label writes a value of an axis with this step.
export function label(value, step) {
  const size = Math.max(Math.abs(value), step);
  if (size >= 1e6 || size < 1e-4) {
    const digits = Math.max(0, Math.floor(Math.log10(Math.abs(value) || step)) - Math.floor(Math.log10(step) + 1e-9));
    return value === 0 ? "0" : value.toExponential(Math.min(digits, 6)).replace("e+", "e");
  }
  return value.toFixed(decimals(step)).replace("-", "−");
}

// logTicks returns powers of ten, and 2 and 5 between them if they fit. Bounds and values are
// logarithms.
export function logTicks(from, to) {
  const values = [], factors = to - from < 2.5 ? [1, 2, 5] : [1];
  for (let p = Math.floor(from); p <= to; p++) {
    for (const f of factors) {
      const v = p + Math.log10(f);
      if (v >= from && v <= to) values.push(v);
    }
  }
  return values;
}
