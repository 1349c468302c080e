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

// parseAngle reads decimal degrees, or three (or two) sexagesimal parts, as 12:34:56.7, 12 34 56.7
// or 12h34m56.7s; null for anything else.
function parseAngle(text) {
  let s = text.trim().replaceAll("−", "-").replaceAll("°", "d").replace(/[′']/g, "m").replace(/[″"]/g, "s");
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(s)) return { value: Number(s), sexagesimal: false };
  const sign = s.startsWith("-") ? -1 : 1;
  s = s.replace(/^[+-]/, "").toLowerCase().replace(/s$/, "");
  const parts = s.split(/[: hdm\t]+/).filter(Boolean);
  if (parts.length < 2 || parts.length > 3) return null;
  let value = 0;
  for (const [i, part] of parts.entries()) {
    const n = Number(part);
    const lastPart = i === parts.length - 1;
    if (!/^\d+(\.\d*)?$/.test(part) || (i > 0 && n >= 60) || (!lastPart && !Number.isInteger(n))) return null;
    value += n / 60 ** i;
  }
  return { value: sign * value, sexagesimal: true };
}

// parseRA reads decimal degrees, or hours, minutes and seconds. It returns degrees, 0 <= ra < 360;
// null for anything else.
export function parseRA(text) {
  const a = parseAngle(text);
  if (!a) return null;
  const degrees = a.sexagesimal ? a.value * 15 : a.value;
  return degrees >= 0 && degrees < 360 ? degrees : null;
}

// parseDec returns degrees, -90 to 90; null for anything else.
export function parseDec(text) {
  const a = parseAngle(text);
  return a && Math.abs(a.value) <= 90 ? a.value : null;
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
