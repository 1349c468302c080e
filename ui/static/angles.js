// Angles as astronomers write them. All values are degrees; right ascensions are also written in
// hours.

// sexagesimal writes an angle, in hours or degrees, in three parts, with that many digits after the
// seconds' point. It rounds first, so that no 60 appears.
function sexagesimal(value, digits, width) {
  const scale = 10 ** digits;
  let left = Math.round(Math.abs(value) * 3600 * scale);
  const fraction = left % scale;
  left = (left - fraction) / scale;
  const seconds = left % 60, minutes = ((left - seconds) / 60) % 60, whole = Math.floor(left / 3600);
  const two = (n, w = 2) => String(n).padStart(w, "0");
  return [two(whole, width), two(minutes), two(seconds) + (digits ? "." + two(fraction, digits) : "")];
}

// formatRA writes degrees as hours, minutes and seconds, such as 12:34:56.789.
export function formatRA(degrees, digits = 2) {
  const parts = sexagesimal((((degrees % 360) + 360) % 360) / 15, digits, 2);
  if (parts[0] === "24") parts[0] = "00";
  return parts.join(":");
}

// formatDec writes degrees with minutes and seconds of arc, always with a sign.
export const formatDec = (degrees, digits = 1) =>
  (degrees < 0 || Object.is(degrees, -0) ? "−" : "+") + sexagesimal(degrees, digits, 2).join(":");

// Angles are read as people write and paste them, and what can be read in two ways is refused. The
// texts are those that package sky reads; both are tested with sky/testdata/angles.json.
const maxAngle = 200; // characters

// written is what web pages and word processors write, and what is read for it. Invisible
// characters are dropped.
const written = [
  [/[\u200b-\u200f\u2060\ufeff\u00ad]/g, ""],
  [/[\u00a0\u2000-\u200a\u202f\u205f\u3000\t\n\r]/g, " "],
  [/[\u2212\u2010-\u2013\ufe63\uff0d]/g, "-"],
  [/[°º˚ᵈ]/g, "d"],
  [/ʰ/g, "h"],
  [/ᵐ/g, "m"],
  [/ˢ/g, "s"],
  [/''|′′|’’|[″”“ʺ]/g, '"'],
  [/[′’‘ʹ´]/g, "'"],
];
const normal = (text) => written.reduce((s, [from, to]) => s.replace(from, to), text).replace(/^ +| +$/g, "");

const north = "(?:[Nn]orth|NORTH|[Ss]outh|SOUTH)", part = "[0-9]+(?:[.,][0-9]*)?";
const before = new RegExp("^(N|S|n|s|" + north + ") *([0-9.,].*)$"),
  after = new RegExp("^(.*[^ ]) *(N|S|n|" + north + ")$"),
  capitals = /^[+-]? *[0-9]+ *[HD] *[0-9]+ *M *[0-9.,]+S$/,
  decimal = new RegExp("^([+-]?) ?([0-9]+\\.?[0-9]*|\\.[0-9]+|[0-9]+,[0-9]+)(e[+-]?[0-9]+)? *" +
    "(d|deg|degs|degrees?|h|hrs?|hours?)?$"),
  colons = new RegExp("^([+-]?) ?([0-9]+) ?: ?(" + part + ")(?: ?: ?(" + part + ")s?)?$"),
  blanks = new RegExp("^([+-]?) ?([0-9]+) +(" + part + ")(?: +(" + part + ")s?)?$"),
  units = new RegExp("^([+-]?) ?([0-9]+) *([hd]) *(" + part + ") *" +
    "(?:([m']) *(?:(" + part + ') *([s"])?([.,][0-9]+)?)?)?$');

const twoCommas = "The comma may be a decimal point, or stand between two numbers: write a point.",
  twoSouths = "The s may mean seconds or south: write 12d30m00s for seconds, and S 12:30:00 for south.",
  twoSigns = "It has both a sign and a north or a south that do not go together.";

// parseAngle returns the value of a text, whether it is sexagesimal, its unit (h, d or ""), its
// hemisphere (n, s or ""), and whether it ends with a small s and has none of sign, unit and
// hemisphere; or its problem, which may be empty.
function parseAngle(text) {
  const refused = (problem = "") => ({ problem });
  if (text.length > maxAngle) return refused();
  let s = normal(text), hemisphere = "", m;
  if (capitals.test(s)) {
    s = s.toLowerCase();
  } else if ((m = before.exec(s))) {
    [hemisphere, s] = [m[1][0].toLowerCase(), m[2]];
  } else if ((m = after.exec(s))) {
    [hemisphere, s] = [m[2][0].toLowerCase(), m[1]];
  }
  if (hemisphere && before.test(s)) return refused();
  s = s.toLowerCase();
  let sign, first, unit = "", minutes = "", seconds = "", last = "s"; // last is the mark of the last part
  if ((m = decimal.exec(s))) {
    [, sign, first] = m;
    const [whole, fraction] = first.split(",");
    if (fraction !== undefined) {
      if (!sign && !m[3] && !m[4] && whole.length <= 3 && fraction.length <= 2) return refused(twoCommas);
      first = whole + "." + fraction;
    }
    first += m[3] ?? "";
    unit = m[4]?.[0] ?? "";
  } else if ((m = units.exec(s))) {
    [, sign, first, unit, minutes] = m;
    seconds = m[6] ?? "";
    last = (seconds ? m[7] : m[5]) ?? "";
    if (m[8]) { // 02s.1 is 2.1 seconds
      if (!last || /[.,]/.test(seconds)) return refused();
      seconds += m[8];
    }
  } else if ((m = colons.exec(s) ?? blanks.exec(s))) {
    [, sign, first, minutes] = m;
    seconds = m[4] ?? "";
  } else {
    return refused(s.endsWith(" s") ? twoSouths : "");
  }
  if (hemisphere === "s" && !last && after.test(normal(text))) return refused(twoSouths);
  if ((hemisphere === "s" && sign) || (hemisphere === "n" && sign === "-")) return refused(twoSigns);
  const [a, b, c] = [first, minutes, seconds].map((t) => Number(t.replace(",", ".")));
  if (!Number.isFinite(a) || b >= 60 || c >= 60 || (seconds && !Number.isInteger(b))) return refused();
  const value = minutes ? ((a * 60 + b) * 60 + c) / 3600 : a;
  return { value: sign === "-" || hemisphere === "s" ? -value : value, sexagesimal: Boolean(minutes), unit,
    hemisphere, bareS: Boolean(minutes) && !unit && !sign && !hemisphere && s.endsWith("s") };
}

// readRA reads decimal degrees, or hours, minutes and seconds. It returns degrees, 0 <= ra < 360, or
// a problem.
export function readRA(text) {
  const a = parseAngle(text);
  if (a.problem !== undefined) return a;
  if (a.hemisphere) return { problem: "A right ascension has no north or south." };
  const hours = a.unit === "h" || (!a.unit && a.sexagesimal), degrees = hours ? a.value * 15 : a.value;
  if (hours && degrees > 360)
    return { problem: "It is in hours, and not within 0 and 24: write degrees as 206d45m00s." };
  return degrees >= 0 && degrees <= 360 ? { degrees: (degrees % 360) + 0 } : { problem: "It is not within 0 and 360°." };
}

// readDec returns degrees, -90 to 90, or a problem.
export function readDec(text) {
  const a = parseAngle(text);
  if (a.problem !== undefined) return a;
  if (a.unit === "h") return { problem: "A declination is not in hours." };
  if (a.bareS) return { problem: twoSouths };
  return Math.abs(a.value) <= 90 ? { degrees: a.value + 0 } : { problem: "It is not within ±90°." };
}

// parseRA and parseDec return degrees, null for what cannot be read.
export const parseRA = (text) => readRA(text).degrees ?? null;
export const parseDec = (text) => readDec(text).degrees ?? null;

const signSplit = /^(\+?[^+-]*[0-9hdmsHDMS'".]) *,? *([+-][^+-]*)$/,
  poleSplit = new RegExp("^(.*[0-9hdmsHDMS'\".]) *,? +((?:N|S|n|" + north + ") *[0-9].*)$"),
  lastPole = new RegExp(" +(?:N|S|n|s|" + north + ")$"),
  bareSeconds = /^[^:]*[hHdD'].*[0-9]$/; // hours and minutes with their letters, and seconds without one

// splitPair cuts a normal text into two; null if it can be cut in several ways, or in none.
function splitPair(s) {
  const cut = (at) => [s.slice(0, at), s.slice(at + 1)];
  if (s.includes(";")) return cut(s.indexOf(";"));
  let m = signSplit.exec(s);
  if (m) return [m[1], m[2]];
  m = poleSplit.exec(s);
  if (m) return bareSeconds.test(m[1]) ? null : [m[1], m[2]]; // or the S may belong to the seconds
  if (s.includes(",")) {
    const [a, b] = cut(s.indexOf(","));
    return b.startsWith(" ") || a.includes(".") || /[.:m']/.test(b) ? [a, b] : null; // or it may be one number
  }
  const pole = lastPole.exec(s)?.[0] ?? "", words = s.slice(0, s.length - pole.length).split(/ +/);
  const [a, b] = words;
  if (words.length === 2 && ((a.includes(".") && !a.includes(":")) || (/[.:hdm]/.test(a) && /[.:dm']/.test(b))))
    return [a, b + pole];
  if (words.length === 6) return [words.slice(0, 3).join(" "), words.slice(3).join(" ") + pole];
  return null;
}

// parsePair reads a right ascension and a declination out of one text, as [ra, dec] in degrees; null
// for anything else.
export function parsePair(text) {
  const parts = splitPair(normal(text));
  if (!parts) return null;
  const pair = [parseRA(parts[0]), parseDec(parts[1])];
  return pair.includes(null) ? null : pair;
}

const rad = Math.PI / 180;

// mollweide maps a direction to the all-sky map: x from -2 to 2, y from -1 to 1, north up, east to
// the left, with the given right ascension in the middle.
export function mollweide(ra, dec, centre = 0) {
  let lon = (((ra - centre) % 360) + 540) % 360 - 180;
  const phi = dec * rad;
  let t = phi;
  if (Math.abs(dec) > 89.9999) {
    t = Math.sign(dec) * Math.PI / 2;
  } else {
    for (let i = 0; i < 12; i++) { // Newton's method for 2t + sin 2t = pi sin phi
      const step = (2 * t + Math.sin(2 * t) - Math.PI * Math.sin(phi)) / (2 + 2 * Math.cos(2 * t));
      t -= step;
      if (Math.abs(step) < 1e-7) break;
    }
  }
  return [-(2 * lon / 180) * Math.cos(t), Math.sin(t)];
}

// unmollweide is the inverse of mollweide; null outside the map.
export function unmollweide(x, y, centre = 0) {
  if (Math.abs(y) >= 1 || (x / 2) ** 2 + y ** 2 > 1) return null;
  const t = Math.asin(y);
  const dec = Math.asin((2 * t + Math.sin(2 * t)) / Math.PI) / rad;
  const lon = -(x / 2) * 180 / Math.cos(t);
  return [(((lon + centre) % 360) + 360) % 360, dec];
}

// galactic converts galactic coordinates to right ascension and declination (ICRS, degrees), with
// the pole and the node of the Hipparcos catalogue (ESA SP-1200, vol. 1, 1.5.3).
export function galactic(l, b) {
  const pole = { ra: 192.85948, dec: 27.12825, l: 122.93192 - 90 };
  const L = (l - pole.l) * rad, B = b * rad, D = pole.dec * rad;
  const dec = Math.asin(Math.sin(B) * Math.sin(D) + Math.cos(B) * Math.cos(D) * Math.sin(L));
  const ra =
    Math.atan2(Math.cos(B) * Math.cos(L), Math.sin(B) * Math.cos(D) - Math.cos(B) * Math.sin(D) * Math.sin(L)) / rad +
    pole.ra;
  return [((ra % 360) + 360) % 360, dec / rad];
}

// toGalactic converts a direction to galactic longitude and latitude, in degrees.
export function toGalactic(ra, dec) {
  const D = dec * rad, P = 27.12825 * rad, A = (ra - 192.85948) * rad;
  const b = Math.asin(Math.sin(D) * Math.sin(P) + Math.cos(D) * Math.cos(P) * Math.cos(A));
  const l = 122.93192 -
    Math.atan2(Math.cos(D) * Math.sin(A), Math.sin(D) * Math.cos(P) - Math.cos(D) * Math.sin(P) * Math.cos(A)) / rad;
  return [((l % 360) + 360) % 360, b / rad];
}

// ecliptic converts a longitude on the ecliptic to right ascension and declination, with the
// obliquity of J2000.
export function ecliptic(longitude) {
  const e = 23.4392911 * rad, l = longitude * rad;
  return [
    ((Math.atan2(Math.sin(l) * Math.cos(e), Math.cos(l)) / rad) + 360) % 360,
    Math.asin(Math.sin(l) * Math.sin(e)) / rad,
  ];
}
