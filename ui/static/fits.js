// Reading FITS files (FITS standard 4.0) for display: the headers, and the first image with two
// axes or more.

const block = 2880, most = 64 << 20; // larger images are not read, in pixels

// readFITS returns {hdus, image}. Each HDU has its cards as [key, value, comment]. image is {width,
// height, data, hdu}, or null if none can be shown.
export function readFITS(buffer) {
  const bytes = new Uint8Array(buffer), hdus = [];
  let at = 0, image = null;
  while (at + block <= bytes.length && hdus.length < 100) {
    const header = readHeader(bytes, at);
    if (!header || (hdus.length === 0 && header.cards[0]?.[0] !== "SIMPLE")) break;
    const get = (key) => header.cards.find(([k]) => k === key)?.[1], bits = get("BITPIX"), naxis = get("NAXIS") ?? 0;
    const axes = Array.from({ length: Math.min(naxis, 999) }, (_, i) => get("NAXIS" + (i + 1)) ?? 0);
    const n = axes.length ? axes.reduce((a, b) => a * b, 1) : 0,
      size = (Math.abs(bits) / 8) * (get("GCOUNT") ?? 1) * ((get("PCOUNT") ?? 0) + n);
    const extension = String(get("XTENSION") ?? "IMAGE").trim();
    hdus.push({ cards: header.cards,
      name: hdus.length === 0 ? "primary" : String(get("EXTNAME") ?? extension).trim() });
    const pixels = axes[0] * axes[1];
    if (!image && extension === "IMAGE" && axes.length > 1 && axes[0] > 1 && axes[1] > 1 && pixels <= most &&
      header.end + pixels * Math.abs(bits) / 8 <= bytes.length) {
      image = { width: axes[0], height: axes[1], hdu: hdus.length,
        data: pixelsOf(buffer, header.end, pixels, bits, get("BSCALE") ?? 1, get("BZERO") ?? 0, get("BLANK")) };
    }
    if (!(size >= 0)) break;
    at = header.end + Math.ceil(size / block) * block;
  }
  return { hdus, image };
}

function readHeader(bytes, at) {
  const cards = [];
  for (; at + 80 <= bytes.length && cards.length < 36 * 1000; at += 80) {
    const text = String.fromCharCode(...bytes.subarray(at, at + 80)), key = text.slice(0, 8).trim();
    if (key === "END") return { cards, end: Math.ceil((at + 80) / block) * block };
    if (text.slice(8, 10) === "= ") cards.push([key, ...valueOf(text.slice(10))]);
    else if (text.trim()) cards.push([key, text.slice(8).trim(), ""]);
  }
  return null;
}

// valueOf reads value and comment of a card.
function valueOf(text) {
  const quoted = /^\s*'((?:[^']|'')*)'\s*(?:\/(.*))?$/.exec(text);
  if (quoted) return [quoted[1].replaceAll("''", "'").trimEnd(), (quoted[2] ?? "").trim()];
  const [value, ...comment] = text.split("/"), v = value.trim();
  if (v === "T" || v === "F") return [v === "T", comment.join("/").trim()];
  const n = Number(v.replace(/[dD]/, "e"));
  return [v !== "" && Number.isFinite(n) ? n : v, comment.join("/").trim()];
}

function pixelsOf(buffer, at, n, bits, scale, zero, blank) {
  const view = new DataView(buffer, at), out = new Float32Array(n);
  const read =
    { 8: (i) => view.getUint8(i), 16: (i) => view.getInt16(2 * i), 32: (i) => view.getInt32(4 * i),
      64: (i) => Number(view.getBigInt64(8 * i)), "-32": (i) => view.getFloat32(4 * i),
      "-64": (i) => view.getFloat64(8 * i) }[bits];
  if (!read) return out.fill(NaN);
  for (let i = 0; i < n; i++) {
    const v = read(i);
    out[i] = bits > 0 && v === blank ? NaN : v * scale + zero;
  }
  return out;
}

export const stretches = {
  linear: (t) => t,
  "square root": Math.sqrt,
  asinh: (t) => Math.asinh(10 * t) / Math.asinh(10),
  logarithm: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
};

// cuts are the values of black and white, given as quantiles of the pixels, such as 0.01 and 0.995.
export function cuts(data, low, high) {
  const step = Math.max(1, Math.floor(data.length / 100000)), sample = [];
  for (let i = 0; i < data.length; i += step) if (Number.isFinite(data[i])) sample.push(data[i]);
  sample.sort((a, b) => a - b);
  if (sample.length === 0) return [0, 1];
  return [sample[Math.floor(low * (sample.length - 1))], sample[Math.floor(high * (sample.length - 1))]];
}

// greys returns RGBA bytes, with the file's first row at the bottom. Missing pixels are
// transparent.
export function greys(image, [low, high], stretch, invert) {
  const { width, height, data } = image, out = new Uint8ClampedArray(width * height * 4), span = high - low || 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const v = data[(height - 1 - y) * width + x], k = 4 * (y * width + x);
      if (!Number.isFinite(v)) continue;
      const t = stretch(Math.min(1, Math.max(0, (v - low) / span)));
      out[k] = out[k + 1] = out[k + 2] = 255 * (invert ? 1 - t : t);
      out[k + 3] = 255;
    }
  }
  return out;
}
