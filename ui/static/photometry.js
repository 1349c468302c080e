// Points of a light curve, from reduced datums.
import { mjd } from "./text.js";

const number = (v) => {
  if (v === null || v === undefined || v === "" || typeof v === "boolean") return NaN;
  return Number(v);
};

const first = (value, names) => {
  for (const name of names)
    if (value[name] !== undefined && value[name] !== null && value[name] !== "") return value[name];
  return undefined;
};

// isMagnitude reports whether a unit is one of magnitudes: "", "mag", "AB mag", "mag(Vega)", "ABmag".
function isMagnitude(unit) {
  const letters = unit.toLowerCase().replace(/[^a-z]/g, "").replace(/^(ab|st|vega)|(ab|st|vega)$/g, "");
  return unit.trim() === "" || (/[a-z]/i.test(unit) && /^(mag(nitude)?s?)?$/.test(letters));
}

// pointOf reads a datum of photometry. Missing values are NaN or "". A point with a limit but
// neither magnitude nor flux is a limit. A value may also have the members that TOM Toolkit 3
// shares: brightness, brightness_error and bandpass; unit says what brightness and limit are, by
// default magnitudes.
export function pointOf(datum) {
  const v = datum.value && typeof datum.value === "object" ? datum.value : {},
    unit = "brightness" in v ? String(first(v, ["unit", "brightness_unit"]) ?? "") : "", isFlux = !isMagnitude(unit);
  const brightness = number(v.brightness), brightnessError = number(v.brightness_error),
    bound = number(first(v, ["limit", "limiting_magnitude"]));
  const one = (given, other) => (Number.isNaN(given) ? other : given);
  const point = {
    datum,
    time: mjd(datum.timestamp),
    magnitude: one(number(first(v, ["magnitude", "mag"])), isFlux ? NaN : brightness),
    flux: one(number(v.flux), isFlux ? brightness : NaN),
    fluxLimit: isFlux ? bound : NaN,
    error: one(number(first(v, ["error", "magnitude_error", "mag_error", "magerr", "mag_err"])),
      isFlux ? NaN : brightnessError),
    fluxError: one(number(first(v, ["flux_error", "flux_err", "fluxerr"])), isFlux ? brightnessError : NaN),
    fluxUnit: v.flux_unit ?? (isFlux ? unit : ""),
    zeroPoint: number(v.zero_point),
    system: String(first(v, ["magsys", "mag_system"]) ?? (isFlux ? "" : unit.match(/ab|st|vega/i)?.[0] ?? "")),
    filter: String(first(v, ["filter", "band", "bandpass"]) ?? "no filter"),
    source: String(first(v, ["telescope", "instrument"]) ?? (datum.source_name || "no source")),
  };
  point.limit = isFlux ? Number(toMagnitude(point, bound).toFixed(4)) : bound;
  point.isLimit = Number.isNaN(point.magnitude) && Number.isNaN(point.flux) && !Number.isNaN(point.limit);
  return point;
}

const janskys = { Jy: 1, mJy: 1e-3, uJy: 1e-6, µJy: 1e-6, μJy: 1e-6, microJy: 1e-6, nJy: 1e-9 };

// scale is a flux unit in microjanskys; NaN for unknown units.
const scale = (unit) => (janskys[unit] ?? NaN) * 1e6;

// zeroOf is the magnitude of one microjansky. The point must give it: as AB magnitudes (Oke and
// Gunn 1983), or by a zero point in a flux unit.
function zeroOf(p) {
  if (!Number.isNaN(p.zeroPoint) && scale(p.fluxUnit) > 0) return p.zeroPoint + 2.5 * Math.log10(scale(p.fluxUnit));
  return p.system.toUpperCase().startsWith("AB") ? 23.9 : NaN;
}

// asFlux returns flux and error in microjanskys; NaN if the magnitudes are not calibrated. A limit
// yields the flux of its magnitude.
export function asFlux(p) {
  if (!Number.isNaN(p.flux) && scale(p.fluxUnit) > 0)
    return { y: p.flux * scale(p.fluxUnit), e: p.fluxError * scale(p.fluxUnit) };
  if (p.isLimit && scale(p.fluxUnit) > 0 && !Number.isNaN(p.fluxLimit))
    return { y: p.fluxLimit * scale(p.fluxUnit), e: NaN };
  const zero = zeroOf(p), m = p.isLimit ? p.limit : p.magnitude;
  const y = 10 ** (0.4 * (zero - m));
  return { y, e: p.isLimit ? NaN : y * p.error * 0.4 * Math.LN10 };
}

// toMagnitude returns the magnitude of a flux in the unit of a point; NaN if the unit is unknown.
function toMagnitude(p, flux) {
  const zero = !Number.isNaN(zeroOf(p)) ? zeroOf(p) : scale(p.fluxUnit) > 0 ? 23.9 : NaN;
  return zero - 2.5 * Math.log10(flux * scale(p.fluxUnit));
}

// asMagnitude returns magnitude and error. It converts a flux if the unit is known; NaN if not.
export function asMagnitude(p) {
  if (p.isLimit) return { y: p.limit, e: NaN };
  if (!Number.isNaN(p.magnitude)) return { y: p.magnitude, e: p.error };
  return { y: toMagnitude(p, p.flux), e: (2.5 / Math.LN10) * (p.fluxError / p.flux) };
}

// ownUnit is the unit of most of the fluxes, "" if it is unknown; undefined if no point has a flux.
function ownUnit(points) {
  const counts = new Map();
  for (const p of points)
    if (Number.isFinite(p.flux)) counts.set(p.fluxUnit, (counts.get(p.fluxUnit) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

// measureOf returns how points are shown as magnitude, as flux, or as given (fluxes in the unit of
// their file): measure gives a point's place and error, axis describes the axis, as names it. Fluxes
// are also shown as given if there is nothing else to show, since without a known unit or a zero
// point they are neither microjanskys nor magnitudes.
export function measureOf(y, points) {
  const shows = (measure) => points.some((p) => Number.isFinite(measure(p).y));
  const unit = ownUnit(points);
  if (unit !== undefined && (y === "given" || !shows(y === "flux" ? asFlux : asMagnitude)))
    return { measure: (p) => (p.fluxUnit === unit ? { y: p.flux, e: p.fluxError } : { y: NaN, e: NaN }),
      axis: { label: unit ? "Flux (" + unit + ")" : "Flux (unit not given)" }, as: "flux in the unit of the file" };
  if (y === "flux") return { measure: asFlux, axis: { label: "Flux (µJy)" }, as: "flux" };
  return { measure: asMagnitude, axis: { label: "Magnitude", reversed: true }, as: "magnitude" };
}

// fold returns the phase, 0 to 1, of a time for a period and a time of phase 0, all in days.
export function fold(time, period, zero) {
  const phase = ((time - zero) / period) % 1;
  return phase < 0 ? phase + 1 : phase;
}
