// Tests of the code that needs no document. Run with: node --test ui/pure/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ecliptic, formatDec, formatRA, galactic, mollweide, parseDec, parseRA, toGalactic,
  unmollweide } from "../static/angles.js";
import { bandColour, bandOf, inOrder, wavelength } from "../static/bands.js";
import { writeCSV, writeECSV } from "../static/csv.js";
import { curveColumns, curveRows } from "../static/curvetable.js";
import { cuts, greys, readFITS } from "../static/fits.js";
import { asFlux, asMagnitude, fold, measureOf, pointOf } from "../static/photometry.js";
import { asCurl, asPython, literal } from "../static/requests.js";
import { inOrder as spectraInOrder, labels, median, smooth, spectrumOf } from "../static/spectrum.js";
import { ago, brief, dateText, fromMJD, grouped, mjd, short, size, undated } from "../static/text.js";
import { decimals, label, logTicks, ticks } from "../static/ticks.js";

const near = (have, want, within = 1e-9) => assert.ok(Math.abs(have - want) <= within, have + " is not " + want);

test("sexagesimal angles are written without a 60", () => {
  for (const [degrees, want] of [
    [0, "00:00:00.00"],
    [180, "12:00:00.00"],
    [359.9999999, "00:00:00.00"],
    [15 - 1e-9, "01:00:00.00"],
    [83.633212, "05:34:31.97"],
    [-15, "23:00:00.00"],
  ]) assert.equal(formatRA(degrees), want);
  for (const [degrees, want] of [[0, "+00:00:00.0"], [-0.5, "−00:30:00.0"], [-0, "−00:00:00.0"], [
    89.999999,
    "+90:00:00.0",
  ], [-5.391111, "−05:23:28.0"]]) assert.equal(formatDec(degrees), want);
});

test("angles are read in degrees and sexagesimal", () => {
  for (const [text, want] of [
    ["12:00:00", 180],
    ["12 30", 187.5],
    ["12h34m56.7s", 188.73625],
    [" 0 ", 0],
    ["359.5", 359.5],
    ["360", 0], // the full circle
    ["360.1", null],
    ["-1", null],
    ["24:00:00", 0],
    ["24:00:01", null],
    ["12:60:00", null],
    ["12:00:61", null],
    ["a", null],
    ["", null],
    ["1:2:3:4", null],
    ["12.5:30", null],
    ["1e2", 100],
  ]) {
    const have = parseRA(text);
    if (want === null) assert.equal(have, null, text);
    else near(have, want);
  }
  for (const [text, want] of [["-00:30:00", -0.5], ["−12°30′00″", -12.5], ["+90", 90], ["90.01", null], [
    "-90:00:01",
    null,
  ], ["-12d34m56s", -12.582222222222223]]) {
    const have = parseDec(text);
    if (want === null) assert.equal(have, null, text);
    else near(have, want);
  }
});

test("what is written is read again", () => {
  for (let i = 0; i < 2000; i++) {
    const ra = (i * 137.50776405) % 360, dec = ((i * 61.803) % 180) - 90;
    near(parseRA(formatRA(ra, 6)), ra, 1e-8);
    near(parseDec(formatDec(dec, 5)), dec, 1e-8);
  }
});

test("the map of the sky goes there and back", () => {
  for (let i = 0; i < 500; i++) {
    const ra = (i * 137.5) % 360, dec = ((i * 61.8) % 178) - 89, [x, y] = mollweide(ra, dec), back = unmollweide(x, y);
    near(((back[0] - ra + 540) % 360) - 180, 0, 1e-3);
    near(back[1], dec, 1e-4);
  }
  assert.deepEqual(mollweide(0, 90).map((v) => Math.round(v * 1e6) / 1e6 + 0), [0, 1]);
  assert.ok(mollweide(30, 0)[0] < 0, "east is to the left");
  assert.equal(unmollweide(1.9, 0.9), null);
});

test("the centre of the Galaxy, its pole and the ecliptic are where they are", () => {
  const [ra, dec] = galactic(0, 0);
  near(ra, 266.405, 0.01);
  near(dec, -28.936, 0.01);
  near(galactic(123, 90)[1], 27.128, 0.001);
  near(ecliptic(90)[1], 23.4393, 0.001);
  for (let l = 5; l < 360; l += 35) {
    const [L, B] = toGalactic(...galactic(l, 20));
    near(L, l, 1e-6);
    near(B, 20, 1e-6);
  }
});

test("times", () => {
  near(mjd("1858-11-17T00:00:00Z"), 0);
  near(mjd("2024-01-01T06:35:35.808000Z"), 60310.27472, 1e-10);
  near(mjd("2000-01-01T12:00:00"), 51544.5);
  assert.equal(fromMJD(60310.27472), "2024-01-01T06:35:35.808Z");
  assert.equal(ago("2024-01-01T00:00:00Z", mjd("2024-01-03T01:00:00Z")), "2 days ago");
  assert.equal(ago("2024-01-01T00:00:00Z", mjd("2024-01-01T00:00:30Z")), "just now");
});

test("numbers and values as texts", () => {
  assert.equal(grouped(1234567), "1\u202f234\u202f567");
  assert.equal(grouped(999), "999");
  assert.equal(size(999), "999 bytes");
  assert.equal(size(1500), "1.5 kB");
  assert.equal(size(123456789), "123 MB");
  assert.equal(short({ a: 1, b: [1, 2], c: Array(9).fill(0), d: null }), "a 1 · b [1, 2] · c [9 values] · d ");
  assert.equal(brief({ time: 60000, magnitude: 15 }), "magnitude 15");
  assert.equal(brief({ time: 60000 }), "time 60000");
  assert.equal(brief([1, 2]), "[1, 2]");
});

test("axes have round marks", () => {
  assert.deepEqual(ticks(0, 10, 5).values, [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(14.2, 15.1, 3).step, 0.5);
  assert.equal(ticks(5, 5, 4).values.length, 1);
  assert.equal(label(0.30000000000000004, 0.1), "0.3");
  assert.equal(label(-2, 1), "−2");
  assert.equal(label(2e-15, 1e-15), "2e-15");
  assert.equal(label(0, 1e-15), "0");
  assert.equal(label(60310, 10), "60310");
  assert.equal(decimals(0.05), 2);
  assert.deepEqual(logTicks(0, 1).map((v) => Math.round(10 ** v)), [1, 2, 5, 10]);
});

test("bands are known under many names, and ordered by wavelength", () => {
  for (const [name, want] of [
    ["g", "g"],
    ["ztf_g", "g"],
    ["ZTFr", "r"],
    ["sdss-i", "i"],
    ["gp", "g"],
    ["g'", "g"],
    ["Bessell-V", "V"],
    ["atlas:o", "o"],
    ["orange", "o"],
    ["Ks", "K"],
    ["UVW1", "UVW1"],
    ["uvw1", "UVW1"],
    ["I", "I"],
    ["i", "i"],
    ["Hα 656", null],
    ["", null],
    ["swift/uvm2", null],
  ]) assert.equal(bandOf(name), want, name);
  assert.deepEqual(inOrder(["K", "zz", "r", "aa", "g", "u", "ztf_i"]), ["u", "g", "r", "ztf_i", "K", "aa", "zz"]);
  assert.equal(wavelength("none"), Infinity);
  assert.equal(bandColour("r", "light"), bandColour("ztf_r", "light"));
  assert.notEqual(bandColour("r", "light"), bandColour("r", "light", 1));
  assert.notEqual(bandColour("unheard of", "dark"), bandColour("something", "dark"));
});

const datum = (value) => ({ id: 1, timestamp: "2024-01-01T00:00:00Z", source_name: "S", value });

test("points of a light curve", () => {
  const limit = pointOf(datum({ filter: "g", limit: 20.1 }));
  assert.equal(limit.isLimit, true);
  assert.equal(asMagnitude(limit).y, 20.1);
  const both = pointOf(datum({ filter: "g", limit: 20.1, magnitude: "18.2", error: 0.1 }));
  assert.equal(both.isLimit, false);
  assert.equal(asMagnitude(both).y, 18.2);
  assert.equal(both.source, "S");
  assert.equal(pointOf(datum({ magnitude: 1, telescope: "T" })).source, "T");
  assert.equal(pointOf(datum(null)).filter, "no filter");
  assert.ok(Number.isNaN(asMagnitude(pointOf(datum([1, 2]))).y));
});

test("magnitudes become fluxes only where it is known what they mean", () => {
  assert.ok(Number.isNaN(asFlux(pointOf(datum({ magnitude: 20 }))).y));
  near(asFlux(pointOf(datum({ magnitude: 23.9, error: 0.1, magsys: "AB" }))).y, 1);
  near(asFlux(pointOf(datum({ magnitude: 23.9, error: 0.1, magsys: "AB" }))).e, 0.0921, 1e-4);
  near(asFlux(pointOf(datum({ magnitude: 8.9, zero_point: 8.9, flux_unit: "Jy" }))).y, 1e6, 1e-3);
  near(asFlux(pointOf(datum({ flux: 2, flux_error: 0.5, flux_unit: "mJy" }))).e, 500);
  near(asMagnitude(pointOf(datum({ flux: 1, flux_unit: "uJy" }))).y, 23.9);
  assert.ok(Number.isNaN(asMagnitude(pointOf(datum({ flux: 1, flux_unit: "counts" }))).y));
  assert.ok(Number.isNaN(asFlux(pointOf(datum({ magnitude: 20, magsys: "Vega" }))).y));
  const tess = [1.01, 0.99].map((flux) => pointOf(datum({ flux, flux_error: 0.1, flux_unit: "e-/s" }))),
    bare = pointOf(datum({ flux: -3 })), bright = pointOf(datum({ magnitude: 18 }));
  for (const y of ["magnitude", "flux", "given"]) {
    const own = measureOf(y, [...tess, bare]);
    assert.deepEqual([...tess, bare].map((p) => own.measure(p)), [{ y: 1.01, e: 0.1 }, { y: 0.99, e: 0.1 },
      { y: NaN, e: NaN }]);
    assert.deepEqual([own.axis, own.as], [{ label: "Flux (e-/s)" }, "flux in the unit of the file"]);
    assert.equal(measureOf(y, [bare]).axis.label, "Flux (unit not given)");
    assert.equal(measureOf(y, [bare]).measure(bare).y, -3);
  }
  assert.equal(measureOf("magnitude", [...tess, bright]).as, "magnitude");
  assert.equal(measureOf("given", [...tess, bright]).axis.label, "Flux (e-/s)");
  assert.equal(measureOf("flux", [pointOf(datum({ flux: 1, flux_unit: "mJy" })), ...tess]).axis.label, "Flux (µJy)");
  assert.equal(measureOf("flux", [bright]).as, "flux");
});

test("the table of a light curve has everything that a point says", () => {
  const flux = { ...datum({ filter: "r", flux: -2.5, flux_error: 0.5, flux_unit: "uJy", zero_point: 23.9, telescope: "T" }),
    timestamp: "2024-01-01T12:00:00.250000Z" };
  const rows = [flux, datum({ filter: "g", magnitude: "18.20", error: 0.1, magsys: "AB" }),
    datum({ filter: "g", limit: 20.1, magsys: "Vega" }),
    datum({ bandpass: "i", brightness: null, limit: 10, unit: "uJy" })].map(pointOf);
  const table = (fold) => {
    const columns = curveColumns(fold);
    return [columns.map((c) => c.name), ...curveRows(columns, rows)].map((row) => row.join());
  };
  assert.deepEqual(table(), [
    "mjd,timestamp,filter,magnitude,error,limit,source,flux,flux_error,flux_limit,flux_unit,zero_point,magsys",
    "60310.000000,2024-01-01T00:00:00Z,g,18.2,0.1,,S,,,,,,AB",
    "60310.000000,2024-01-01T00:00:00Z,g,,,20.1,S,,,,,,Vega",
    "60310.000000,2024-01-01T00:00:00Z,i,,,,S,,,10,uJy,,",
    "60310.500003,2024-01-01T12:00:00.250000Z,r,,,,T,-2.5,0.5,,uJy,23.9,",
  ]);
  assert.deepEqual(table({ period: 2, zero: 60309 }).map((row) => row.split(",").at(-1)),
    ["phase", "0.500000", "0.500000", "0.500000", "0.750001"]);
});

test("points are read as TOM Toolkit 3 shares them", () => {
  const shared = { brightness: 17.5, brightness_error: 0.1, bandpass: "r", unit: "", telescope: "1m0", instrument: "" };
  const p = pointOf(datum(shared));
  assert.deepEqual([p.magnitude, p.error, p.filter, p.source, p.flux, p.isLimit], [17.5, 0.1, "r", "1m0", NaN, false]);
  for (const unit of ["mag", "AB mag", "mag(AB)", "ABmag", "AB", "Vega Magnitudes"])
    assert.equal(pointOf(datum({ ...shared, unit })).magnitude, 17.5, unit);
  near(asFlux(pointOf(datum({ ...shared, brightness: 23.9, unit: "AB mag" }))).y, 1);
  assert.equal(pointOf(datum({ ...shared, unit: "STmag" })).system, "ST");
  const limit = pointOf(datum({ ...shared, brightness: null, limit: 20.5 }));
  assert.deepEqual([limit.isLimit, limit.limit, asMagnitude(limit).y], [true, 20.5, 20.5]);
  for (const unit of ["mJy", "nmgy", "counts", "e-/s", "erg / (s cm2 Hz)", "nanomaggies"]) {
    const f = pointOf(datum({ ...shared, unit }));
    assert.deepEqual([f.magnitude, f.error, f.flux, f.fluxError, f.fluxUnit], [NaN, NaN, 17.5, 0.1, unit]);
  }
  near(asMagnitude(pointOf(datum({ ...shared, brightness: 1, unit: "uJy" }))).y, 23.9);
  const deep = pointOf(datum({ ...shared, brightness: null, limit: 10, unit: "uJy" }));
  assert.deepEqual([deep.isLimit, deep.limit, asFlux(deep).y, asMagnitude(deep).y], [true, 21.4, 10, 21.4]);
  assert.equal(pointOf(datum({ ...shared, brightness: null })).isLimit, false);
  // unit is about brightness, and a file's own magnitude comes first
  assert.equal(pointOf(datum({ magnitude: 15, unit: "mJy", limit: 19 })).limit, 19);
  assert.equal(pointOf(datum({ ...shared, magnitude: 15 })).magnitude, 15);
  const s = spectrumOf(datum({ flux: [2, 1], wavelength: [5001, 5000], error: [0.2, null], flux_unit: "mJy" }));
  assert.deepEqual([[...s.x], [...s.y], [...s.e], s.unit], [[5000, 5001], [1, 2], [NaN, 0.2], "mJy"]);
  assert.equal(spectrumOf(datum({ flux: [2], wavelength: [1], error: [], flux_units: "Jy" })).e, null);
  assert.deepEqual([...spectrumOf(datum({ flux: [2], wavelength: [1], wavelength_unit: "nm" })).x], [10]);
});

test("phases lie between 0 and 1", () => {
  near(fold(60000.75, 0.5, 60000), 0.5);
  near(fold(59999.9, 0.5, 60000), 0.8, 1e-6);
  near(fold(60000, 3, 60000), 0);
});

test("spectra are put in order, in angstroms", () => {
  const s = spectrumOf(datum({ flux: [3, 1, null], wavelength: [500, 400, 450], wavelength_units: "nm" }));
  assert.deepEqual([...s.x], [4000, 4500, 5000]);
  assert.deepEqual([...s.y], [1, NaN, 3]);
  assert.equal(spectrumOf(datum({ flux: [1], wavelength: [] })), null);
  assert.equal(spectrumOf(datum({ magnitude: 1 })), null);
  assert.equal(spectrumOf(datum({ flux: [1], wavelength: [2], wavelength_units: "furlong" })).unknownUnit, true);
  assert.deepEqual([...spectrumOf(datum({ 0: { wavelength: 5, flux: 1 }, 1: { wavelength: 4, flux: 2 } })).y], [2, 1]);
});

test("spectra are named so that they can be told apart, and their dates are not made up", () => {
  let id = 0;
  const at = (timestamp, more = {}, product = null) =>
    spectrumOf({ id: ++id, timestamp, source_name: "", data_product: product,
      value: { flux: [1, 2], wavelength: [1, 2], ...more } });
  const upload = { time_origin: "upload" };
  const all = spectraInOrder([
    at("2026-01-05T01:00:00Z", upload, 7),
    at("2026-01-04T01:00:00Z"),
    at("2026-01-03T05:00:00Z", {}, 8),
    at("2026-01-03T01:00:00.5Z", {}, 9),
    at("2026-01-03T01:00:00Z", {}, 8),
    at("2026-01-01T01:00:00Z", upload, 7),
    at("2026-01-02T01:00:00Z", upload),
  ]);
  assert.deepEqual(labels(all, new Map([[7, "a.txt"], [8, "b.txt"], [9, "c.txt"]])), [
    "2026-01-03 01:00:00 · b.txt",
    "2026-01-03 01:00:00 · c.txt",
    "2026-01-03 05:00:00",
    "2026-01-04",
    "date unknown · a.txt · datum 6",
    "date unknown · datum 7",
    "date unknown · a.txt · datum 1",
  ]);
  assert.equal(labels(all.slice(4, 5), new Map([[7, "a.txt"]]))[0], "date unknown · a.txt");
  assert.equal(dateText(all[0].datum), "2026-01-03 01:00:00 UTC");
  assert.equal(dateText(all[6].datum), "date unknown, uploaded 2026-01-05 01:00:00 UTC");
  assert.equal(undated({ timestamp: "", value: null }), false);
});

test("smoothing keeps what is level, and what is missing", () => {
  const out = smooth(Float64Array.from([2, 2, NaN, 2, 2]), 1.5);
  assert.deepEqual([...out].map((v) => (Number.isNaN(v) ? "none" : Math.round(v * 1e9) / 1e9)), [2, 2, "none", 2, 2]);
  const peak = smooth(Float64Array.from([0, 0, 0, 1, 0, 0, 0]), 1);
  assert.ok(peak[3] < 0.5 && peak[2] > 0.1 && Math.abs(peak[2] - peak[4]) < 1e-12);
  const same = Float64Array.from([1, 5]);
  assert.equal(smooth(same, 0), same);
  assert.equal(median([3, NaN, 1, 2]), 2);
  assert.ok(Number.isNaN(median([])));
});

test("CSV and ECSV are written so that they can be read", () => {
  assert.equal(writeCSV(["a", "b"], [["x,y", "q\""], [null, 1]]), "a,b\n\"x,y\",\"q\"\"\"\n,1\n");
  assert.equal(writeECSV([{ name: "mjd", unit: "d" }, { name: "f", text: true }], [[1, "g"]]),
    "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: \"mjd\", unit: \"d\", datatype: float64}\n"
      + "# - {name: \"f\", datatype: string}\nmjd,f\n1,g\n");
});

// fits makes a file of one HDU.
function fits(cards, bytes) {
  const head = cards.map(([k, v]) => (k.padEnd(8) + "= " + v).padEnd(80)).join("") + "END".padEnd(80);
  const out = new Uint8Array(Math.ceil(head.length / 2880) * 2880 + Math.ceil(bytes.length / 2880) * 2880).fill(32);
  out.set(new TextEncoder().encode(head));
  out.set(bytes, Math.ceil(head.length / 2880) * 2880);
  return out.buffer;
}

test("images of FITS files", () => {
  const pixels = new DataView(new ArrayBuffer(12));
  [1, 2, 3, -5, 4, 9].forEach((v, i) => pixels.setInt16(2 * i, v));
  const { hdus, image } = readFITS(
    fits([
      ["SIMPLE", "T"],
      ["BITPIX", "16"],
      ["NAXIS", "2"],
      ["NAXIS1", "3"],
      ["NAXIS2", "2"],
      ["BZERO", "10 / shift"],
      ["BLANK", "-5"],
      ["OBJECT", "'O''Neill '/ who"],
    ], new Uint8Array(pixels.buffer)),
  );
  assert.deepEqual([...image.data], [11, 12, 13, NaN, 14, 19]);
  assert.deepEqual(hdus[0].cards.at(-1), ["OBJECT", "O'Neill", "who"]);
  assert.deepEqual(cuts(image.data, 0, 1), [11, 19]);
  const rgba = greys(image, [11, 19], (t) => t, false);
  assert.deepEqual([rgba[0 + 3], rgba[8], rgba[12]], [0, 255, 0]); // the file's first row is at the bottom
  for (const bad of [
    new ArrayBuffer(0),
    new ArrayBuffer(5000),
    fits([["SIMPLE", "T"], ["BITPIX", "16"], ["NAXIS", "2"], ["NAXIS1", "99999999"], ["NAXIS2", "99999999"]],
      new Uint8Array(0)),
    fits([["SIMPLE", "T"], ["BITPIX", "x"], ["NAXIS", "-3"]], new Uint8Array(9)),
  ]) {
    assert.equal(readFITS(bad).image, null);
  }
});

// rgb reads a colour of CSS, #hex or hsl, as three numbers from 0 to 1.
function rgb(text) {
  if (text.startsWith("hsl")) {
    // CSS Color 4, 7.1
    const [h, s, l] = text.match(/[\d.]+/g).map(Number), a = (s / 100) * Math.min(l / 100, 1 - l / 100);
    return [0, 8, 4].map((n) =>
      l / 100 - a * Math.max(-1, Math.min(((n + h / 30) % 12) - 3, 9 - ((n + h / 30) % 12), 1))
    );
  }
  const full = text.length === 4 ? [...text.slice(1)].map((c) => c + c).join("") : text.slice(1);
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255);
}

// luminance and contrast are those of the Web Content Accessibility Guidelines 2.2.
function luminance(text) {
  const [r, g, b] = rgb(text).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(ink, ground) {
  const [low, high] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test("texts and points stand out from their grounds in light and dark", () => {
  const css = readFileSync(new URL("../static/nightjar.css", import.meta.url), "utf8");
  for (const look of ["light", "dark"]) {
    const rule = css.slice(css.indexOf("[data-look=" + look + "] {")).split("}")[0],
      colours = Object.fromEntries([...rule.matchAll(/--([\w-]+): (#\w+)/g)].map((m) => [m[1], m[2]]));
    const pairs = ["ink", "faint", "accent", "good", "warn", "bad"].flatMap((ink) =>
      ["ground", "card", "raised"].map((ground) => [ink, ground])
    ).concat([["on-accent", "accent"], ["ink", "mark"], ["ground", "ink"], ["ground", "bad"]]);
    for (const [ink, ground] of pairs) {
      const has = contrast(colours[ink], colours[ground]);
      assert.ok(has >= 4.5, look + ": " + ink + " on " + ground + " has " + has.toFixed(2));
    }
    // borders of controls, and the focus ring
    for (const edge of ["edge", "accent"]) assert.ok(contrast(colours[edge], colours.card) >= 3, look + ": " + edge);
    for (const band of [
      "UVW2",
      "UVW1",
      "u",
      "U",
      "B",
      "g",
      "BP",
      "c",
      "V",
      "clear",
      "G",
      "r",
      "R",
      "o",
      "Kepler",
      "i",
      "I",
      "TESS",
      "z",
      "y",
      "J",
      "H",
      "K",
      "W1",
      "W4",
      "Halpha",
      "no filter",
    ]) {
      for (const nth of [0, 1, 2]) {
        const has = contrast(bandColour(band, look, nth), colours.card);
        assert.ok(has >= 3, look + ": the points of " + band + " have " + has.toFixed(2));
      }
    }
  }
});

test("requests can be repeated elsewhere", () => {
  assert.equal(asCurl("GET", "http://n/api/targets/?name=O'Neill"),
    "curl --fail-with-body -H 'Authorization: Token YOUR_TOKEN' 'http://n/api/targets/?name=O'\\''Neill'");
  assert.equal(asCurl("POST", "http://n/", { a: 1 }),
    "curl --fail-with-body -X POST -H 'Authorization: Token YOUR_TOKEN' -H 'Content-Type: application/json' -d "
      + "'{\"a\":1}' 'http://n/'");
  assert.equal(literal({ a: [1, null, true, "x\"y"], b: {}, c: "$(rm)" }),
    "{\n    \"a\": [1, None, True, \"x\\\"y\"],\n    \"b\": {},\n    \"c\": \"$(rm)\",\n}");
  assert.equal(asPython("GET", "http://n/api/", { strict: "true" }),
    "import requests\n\nanswer = requests.get(\n    \"http://n/api/\",\n    params={\n"
      + "        \"strict\": \"true\",\n    },\n    headers={\"Authorization\": \"Token YOUR_TOKEN\"},\n)\n"
      + "answer.raise_for_status()\ndata = answer.json()");
  assert.match(asPython("GET", "http://n/", { format: "csv" }), /text = answer\.text$/);
  assert.doesNotMatch(asPython("DELETE", "http://n/", {}), /json\(\)/);
});
