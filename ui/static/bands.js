// Photometric bands: their order by wavelength, and a colour and a symbol for each that stay the
// same from plot to plot.
import { symbolNames } from "./symbols.js";

// Effective wavelengths in nanometres (rounded, from the SVO Filter Profile Service), and hue and
// saturation of the colours.
const known = {
  FUV: [154, 285, 55],
  UVW2: [205, 282, 60],
  UVM2: [225, 276, 60],
  NUV: [231, 272, 55],
  UVW1: [260, 268, 60],
  u: [356, 262, 65],
  U: [366, 255, 70],
  B: [436, 222, 75],
  g: [477, 152, 75],
  BP: [511, 200, 70],
  c: [533, 185, 80],
  V: [545, 95, 60],
  clear: [580, 45, 10],
  G: [622, 130, 25],
  r: [623, 4, 75],
  R: [641, 350, 75],
  o: [679, 28, 90],
  Kepler: [640, 60, 30],
  i: [763, 322, 60],
  TESS: [787, 15, 40],
  I: [798, 310, 65],
  RP: [777, 340, 50],
  z: [905, 300, 30],
  Z: [878, 300, 35],
  y: [963, 40, 45],
  Y: [1021, 40, 45],
  J: [1235, 24, 60],
  H: [1662, 14, 55],
  K: [2159, 2, 50],
  L: [3450, 350, 40],
  M: [4750, 340, 40],
  W1: [3353, 355, 45],
  W2: [4603, 345, 40],
  W3: [11561, 335, 30],
  W4: [22088, 325, 30],
};
const aliases = {
  uvw2: "UVW2",
  uvm2: "UVM2",
  uvw1: "UVW1",
  w1: "W1",
  w2: "W2",
  w3: "W3",
  w4: "W4",
  up: "u",
  gp: "g",
  rp: "r",
  ip: "i",
  zp: "z",
  zs: "z",
  ks: "K",
  bp: "BP",
  cyan: "c",
  orange: "o",
  clear: "clear",
  c: "c",
  l: "clear",
  lum: "clear",
  white: "clear",
  open: "clear",
  tess: "TESS",
  kepler: "Kepler",
  fuv: "FUV",
  nuv: "NUV",
  gaia: "G",
};
const prefixes =
  /^(ztf|sdss|ps1|panstarrs|atlas|bessell?|johnson|cousins|gaia|2mass|lsst|decam|skymapper|swift|uvot|asassn|sloan)?[\s_.\-:]*/i;

// bandOf returns the known band that a filter's name means, null if there is none. Case counts
// where it matters.
export function bandOf(name) {
  const bare = String(name).trim().replace(/['′*]/g, "");
  for (const text of [bare, bare.replace(prefixes, ""), bare.replace(/^.*[\s_.\-:]/, "")]) {
    if (known[text]) return text;
    const alias = text.length > 1 ? aliases[text.toLowerCase()] : null;
    if (alias) return alias;
  }
  return null;
}

// wavelength is a filter's, in nanometres; Infinity if it is unknown.
export const wavelength = (name) => known[bandOf(name)]?.[0] ?? Infinity;

// inOrder sorts filters by wavelength; unknown filters follow, by name.
export const inOrder = (names) =>
  [...names].sort((a, b) => wavelength(a) - wavelength(b) || (a < b ? -1 : a > b ? 1 : 0));

function hash(text) {
  let n = 7;
  for (const c of text) n = (n * 31 + c.codePointAt(0)) % 99991;
  return n;
}

// bandColour is the colour of a filter in a look. Filters of the same band get more contrast with
// rising nth. At night everything is red, and the symbol shows the band.
export function bandColour(name, look, nth = 0) {
  if (look === "night") return "hsl(4 70% " + (50 - 9 * (nth % 3)) + "%)";
  const [, hue, saturation] = known[bandOf(name)] ?? [0, hash(String(name)) % 360, 35];
  const light = look === "dark" ? 66 + 8 * (nth % 3) : 36 - 8 * (nth % 3);
  return "hsl(" + hue + " " + saturation + "% " + light + "%)";
}

// symbolOf is the symbol of the nth item of a list.
export const symbolOf = (i) => symbolNames[i % symbolNames.length];
