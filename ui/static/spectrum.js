// Spectra, from reduced datums, and their smoothing, scaling and lines.
import { mjd, moment, undated } from "./text.js";

// units of length in angstroms
const lengths = { angstrom: 1, angstroms: 1, a: 1, "å": 1, aa: 1, nm: 10, nanometer: 10, nanometre: 10, um: 1e4,
  "µm": 1e4, "μm": 1e4, micron: 1e4, microns: 1e4, m: 1e10, mm: 1e7, cm: 1e8 };

// spectrumOf reads a datum of spectroscopy, with ascending wavelengths in angstroms; null if it has
// no spectrum. e has the errors of the flux, null if there are none. TOM Toolkit 3 shares them as
// error, and the unit as flux_unit.
export function spectrumOf(datum) {
  let { flux, wavelength } = datum.value ?? {};
  if (!Array.isArray(flux) && datum.value && typeof datum.value === "object") { // a TOM's older form: a list of objects
    const rows = Object.values(datum.value).filter((r) =>
      r && typeof r === "object" && "wavelength" in r && "flux" in r
    );
    flux = rows.map((r) => r.flux);
    wavelength = rows.map((r) => r.wavelength);
  }
  if (!Array.isArray(flux) || !Array.isArray(wavelength) || flux.length === 0 || flux.length !== wavelength.length)
    return null;
  const given = datum.value, errors = given.flux_error ?? given.error,
    unit = String(given.wavelength_units ?? (given.wavelength_unit || "angstrom")).trim().toLowerCase(),
    k = lengths[unit] ?? 1, numbers = (list) =>
      Float64Array.from(order, (i) => (list[i] === null || list[i] === undefined ? NaN : Number(list[i])));
  const order = wavelength.map((w, i) => i).filter((i) =>
    Number.isFinite(Number(wavelength[i])) && wavelength[i] !== null
  ).sort((a, b) => wavelength[a] - wavelength[b]);
  return {
    datum,
    time: mjd(datum.timestamp),
    undated: undated(datum),
    unit: String(given.flux_units ?? given.flux_unit ?? ""),
    unknownUnit: !(unit in lengths),
    x: Float64Array.from(order, (i) => wavelength[i] * k),
    y: numbers(flux),
    e: Array.isArray(errors) && errors.length === flux.length ? numbers(errors) : null,
  };
}

// inOrder sorts spectra by time; those of unknown date follow, in the order of their upload.
export const inOrder = (all) => [...all].sort((a, b) => a.undated - b.undated || a.time - b.time);

// labels names spectra, each as short as it can be told from the others: by the date; by the time
// where dates are equal; by the file, from its name by product, where times are equal or unknown; and
// by the datum.
export function labels(all, files = new Map()) {
  const texts = all.map(({ datum: d, undated }) => {
    const file = files.get(d.data_product), number = "datum " + d.id;
    const days = undated ? ["date unknown · " + (file ?? number)] : [d.timestamp.slice(0, 10), moment(d.timestamp),
      moment(d.timestamp) + " · " + (file ?? number)];
    return [...days, days.at(-1) + " · " + number].map((text) => text + (d.source_name ? " " + d.source_name : ""));
  });
  return texts.map((mine, i) =>
    mine.find((text) => texts.every((other, k) => k === i || !other.includes(text))) ?? mine.at(-1)
  );
}

// median is the median of a list of numbers; NaN if it is empty.
export function median(list) {
  const sorted = Float64Array.from(list).filter((v) => !Number.isNaN(v)).sort();
  const n = sorted.length;
  return n === 0 ? NaN : n % 2 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

// smooth is a mean weighted by a Gaussian whose standard deviation is given in pixels. Missing
// values stay missing and have no weight.
export function smooth(y, pixels) {
  if (!(pixels > 0)) return y;
  const reach = Math.ceil(3 * pixels),
    weight = Float64Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / pixels) ** 2)),
    out = new Float64Array(y.length);
  for (let i = 0; i < y.length; i++) {
    let sum = 0, all = 0;
    for (let k = Math.max(0, i - reach); k <= Math.min(y.length - 1, i + reach); k++) {
      if (Number.isNaN(y[k])) continue;
      const w = weight[Math.abs(k - i)];
      sum += w * y[k];
      all += w;
    }
    out[i] = Number.isNaN(y[i]) ? NaN : sum / all;
  }
  return out;
}

// Rest wavelengths of lines, in angstroms in air (NIST Atomic Spectra Database). Telluric bands,
// where the air absorbs, do not move with the redshift.
export const lineLists = {
  Hydrogen: [
    ["Hα", 6562.8], ["Hβ", 4861.3], ["Hγ", 4340.5], ["Hδ", 4101.7],
    ["Hε", 3970.1], ["Pa γ", 10938.1], ["Pa δ", 10049.4],
  ],
  Helium: [
    ["He I", 5875.6], ["He I", 4471.5], ["He I", 6678.2], ["He I", 7065.2],
    ["He II", 4685.7], ["He II", 5411.5],
  ],
  Calcium: [
    ["Ca K", 3933.7], ["Ca H", 3968.5], ["Ca I", 4226.7], ["Ca II", 8498.0],
    ["Ca II", 8542.1], ["Ca II", 8662.1],
  ],
  Oxygen: [
    ["[O II]", 3727.4], ["[O III]", 4363.2], ["[O III]", 4958.9], ["[O III]", 5006.8],
    ["[O I]", 6300.3], ["O I", 7774.2], ["O I", 8446.4],
  ],
  Sodium: [["Na D2", 5890.0], ["Na D1", 5895.9]],
  Iron: [["Fe II", 4549.5], ["Fe II", 4923.9], ["Fe II", 5018.4], ["Fe II", 5169.0]],
  Silicon: [["Si II", 4130.9], ["Si III", 4560.0], ["Si II", 5972.0], ["Si II", 6355.0]],
  Telluric: [["B O₂", 6867.0], ["A O₂", 7593.7], ["H₂O", 7186.0], ["H₂O", 8227.0], ["H₂O", 9350.0]],
};
