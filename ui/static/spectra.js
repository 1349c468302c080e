// The spectra of a target, one above the other.
import { pages } from "./api.js";
import { save } from "./copy.js";
import { writeCSV } from "./csv.js";
import { fill, h } from "./dom.js";
import { colour, look, onLook } from "./looks.js";
import { Plot } from "./plot.js";
import { fileName } from "./products.js";
import { inOrder, labels, lineLists, median, smooth, spectrumOf } from "./spectrum.js";
import { many, moment } from "./text.js";

// spectra returns the panel of a target's spectra, and loads them.
export function spectra(target) {
  const state = { all: [], offset: 1, normalise: true, smooth: 0, z: redshiftOf(target), rest: false, log: false,
    lists: new Set(), hidden: new Set() };
  const plotHost = h("div", {}), legend = h("ul", { class: "legend", "aria-label": "Spectra" }),
    lists = h("div", { class: "row", role: "group", "aria-label": "Lines" }), notes = h("p", { class: "help" });
  const controls = h("div", { class: "controls" });
  const element = h("section", { class: "card", id: "spectra", hidden: true, "aria-label": "Spectra" },
    h("div", { class: "bar" }, h("h2", {}, "Spectra"), exports()), controls, plotHost, legend,
    h("details", {}, h("summary", {}, "Lines"), lists), notes);
  let plot = null, series = [];
  const files = new Map(); // names by product
  element.ready = load();

  // add adds datums that arrive while the page is open.
  element.add = (data) => {
    const known = new Set(state.all.map((s) => s.datum.id)),
      fresh = data.filter((d) => d.data_type === "spectroscopy" && !known.has(d.id)).map(spectrumOf).filter(Boolean);
    if (fresh.length === 0) return;
    state.all.push(...fresh);
    show();
  };

  async function load() {
    for await (const page of pages("/api/reduceddatums/", { target__id: target.id, data_type: "spectroscopy" }, 20)) {
      state.all.push(...page.results.map(spectrumOf).filter(Boolean));
      if (state.all.length) show();
    }
    return state.all.length;
  }

  function show() {
    // hidden spectra stay hidden where the order changes
    const hidden = new Set([...state.hidden].map((i) => state.all[i]));
    state.all = inOrder(state.all);
    state.hidden = new Set([...state.all.keys()].filter((i) => hidden.has(state.all[i])));
    element.hidden = false;
    if (!plot) {
      drawControls();
      plot = new Plot(plotHost, { name: "", x: {}, y: {}, tip, marks });
      onLook(element, () => update(true));
    }
    update(plot.moved);
    nameFiles().catch(() => {}); // the labels then have the datum's id
  }

  // nameFiles asks for the names of the files that labels need.
  async function nameFiles() {
    const unnamed = labels(state.all, files).some((text) => text.includes("datum ")) &&
      state.all.some((s) => s.datum.data_product && !files.has(s.datum.data_product));
    if (!unnamed) return;
    for await (const page of pages("/api/dataproducts/", { target_name: target.name, fields: "id,data" }))
      for (const p of page.results) files.set(p.id, fileName(p));
    drawLegend();
  }

  // ink is the colour of a spectrum: from blue to red with time, grey if the date is unknown; at
  // night from dim to less dim.
  const ink = (i) => {
    const n = state.all.length, dated = state.all.filter((s) => !s.undated).length, dark = look() === "dark";
    if (look() === "night") return "hsl(4 70% " + (30 + 26 * (n > 1 ? i / (n - 1) : 1)) + "%)";
    if (i >= dated) return "hsl(0 0% " + ((dark ? 55 : 32) + 14 * ((i - dated) % 3) / 2) + "%)";
    return "hsl(" + (225 - 215 * (dated > 1 ? i / (dated - 1) : 0)) + " 62% " + (dark ? 68 : 40) + "%)";
  };

  function update(keep) {
    const n = state.all.length, z = Number(state.z) || 0, shift = state.rest ? 1 + z : 1;
    const levels = state.all.map((s) => Math.abs(median(s.y)) || 1), common = state.normalise ? 1 : median(levels);
    let place = 0;
    series = state.all.flatMap((s, i) => {
      const hidden = state.hidden.has(i),
        lift = hidden ? 0 : state.offset * common * (state.log ? 0 : 1) * (hidden ? 0 : place++);
      const k = state.normalise ? 1 / levels[i] : 1, x = s.x.map((w) => w / shift),
        base = { spectrum: s, kind: "line", colour: ink(i), hidden };
      const raised = (y) => y.map((v) => v * k + lift);
      const raw = { ...base, x, y: raised(s.y), lift, k };
      if (!(state.smooth > 0)) return [raw];
      return [{ ...raw, faint: true, mute: true }, { ...raw, y: raised(smooth(s.y, state.smooth)), width: 1.6 }];
    });
    const unit = state.all.find((s) => s.unit)?.unit ?? "";
    plot.options.x = { label: state.rest && z ? "Rest wavelength (Å), z = " + z : "Wavelength (Å)" };
    plot.options.y = {
      label: state.normalise
        ? "Flux / median" + (state.offset && !state.log ? " + offset" : "")
        : "Flux" + (unit ? " (" + unit + ")" : ""),
      log: state.log,
    };
    plot.canvas.setAttribute("aria-label", many(n, "spectrum", "spectra") + " of " + target.name);
    plot.set(series, keep);
    drawLegend();
    const unknown = state.all.filter((s) => s.undated).length;
    fill(notes, state.all.some((s) => s.unknownUnit) &&
      "Some wavelengths have unknown units and are shown as stored. ", unknown > 0 &&
      "The date of " + many(unknown, "spectrum", "spectra") + " is unknown: " +
        (unknown === 1 ? "it follows" : "they follow") + " the others, in grey.");
  }

  function drawLegend() {
    const texts = labels(state.all, files);
    fill(legend,
      state.all.map((s, i) =>
        h("li", {}, h("button", { type: "button", "aria-pressed": String(!state.hidden.has(i)), onclick: () => {
          if (!state.hidden.delete(i)) state.hidden.add(i);
          update(true);
        } }, bar(ink(i)), texts[i]))
      ));
  }

  function tip(s, i) {
    const d = s.spectrum.datum;
    return [
      s.spectrum.undated ? ["date", "unknown"] : ["UTC", moment(d.timestamp)],
      s.spectrum.undated ? ["uploaded", moment(d.timestamp)] : ["", ""],
      ["wavelength", s.x[i].toFixed(2) + " Å"],
      ["flux", ((s.y[i] - s.lift) / s.k).toPrecision(4) + " " + s.spectrum.unit],
      ["source", d.source_name],
      ["product", d.data_product ?? ""],
      ["file", files.get(d.data_product) ?? ""],
    ].filter(([, v]) => v !== "");
  }

  function marks() {
    const z = Number(state.z) || 0, all = [];
    for (const [list, lines] of Object.entries(lineLists)) {
      if (!state.lists.has(list)) continue;
      const telluric = list === "Telluric";
      for (const [name, at] of lines)
        all.push({ name, x: telluric ? (state.rest ? at / (1 + z) : at) : state.rest ? at : at * (1 + z),
          colour: colour(telluric ? "faint" : "accent") });
    }
    return all.sort((a, b) => a.x - b.x);
  }

  function drawControls() {
    const toggle = (label, name) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: state[name], onchange: (event) => {
        state[name] = event.target.checked;
        update(false);
      } }), label);
    const slide = (label, name, props) =>
      h("label", { class: "row" }, label,
        h("input", { type: "range", value: state[name], ...props, oninput: (event) => {
          state[name] = Number(event.target.value);
          update(name !== "offset");
        } }));
    const z = h("input", { type: "number", step: "any", min: 0, value: state.z, "aria-label": "Redshift",
      oninput: () => setZ(z.value) });
    const zSlide = h("input", { type: "range", min: 0, max: 1, step: 0.0005, value: state.z || 0,
      "aria-label": "Redshift, slider", oninput: () => setZ(zSlide.value) });
    const setZ = (value) => {
      state.z = value;
      if (z.value !== value) z.value = value;
      if (zSlide.value !== value) zSlide.value = value;
      update(true);
    };
    fill(controls, toggle("Normalise", "normalise"), slide("Offset", "offset", { min: 0, max: 3, step: 0.05 }),
      slide("Smooth", "smooth", { min: 0, max: 12, step: 0.5 }), h("span", { class: "row" }, "z", z, zSlide),
      toggle("Rest", "rest"), toggle("Log", "log"),
      h("button", { type: "button", onclick: () => plot.reset() }, "Reset zoom"));
    fill(lists,
      Object.keys(lineLists).map((name) =>
        h("label", { class: "check" }, h("input", { type: "checkbox", name: "lines", value: name, onchange: (event) => {
          if (event.target.checked) state.lists.add(name);
          else state.lists.delete(name);
          plot.later();
        } }), name)
      ));
  }

  function exports() {
    const stem = target.name.replace(/[^\w.+-]+/g, "_") + "_spectra";
    return h("div", { class: "row" },
      h("button", { type: "button", class: "small", onclick: async () => save(stem + ".png", await plot.png()) },
        "PNG"),
      h("button", { type: "button", class: "small", title: "The spectra that are shown, as they were uploaded",
        onclick: () => save(stem + ".csv", csv(), "text/csv") }, "CSV"));
  }

  // csv is the table of the spectra that are shown. A spectrum of unknown date has no timestamp.
  function csv() {
    const shown = state.all.filter((s, i) => !state.hidden.has(i)), known = shown.every((s) => !s.unknownUnit);
    const names = ["timestamp", known ? "wavelength_angstrom" : "wavelength", "flux", "flux_error",
      "flux_unit", "source", "datum", !known && "wavelength_unit"].filter(Boolean);
    const blank = (n) => (Number.isNaN(n) ? "" : n);
    const rows = shown.flatMap((s) => {
      const d = s.datum, time = s.undated ? "" : d.timestamp,
        unit = known ? [] : [s.unknownUnit ? d.value.wavelength_units ?? d.value.wavelength_unit : "Angstrom"];
      return Array.from(s.x, (w, i) =>
        [time, w, blank(s.y[i]), blank(s.e?.[i] ?? NaN), s.unit, d.source_name, d.id, ...unit]
      );
    });
    return writeCSV(names, rows);
  }
  return element;
}

function bar(ink) {
  const canvas = h("canvas", { width: 32, height: 32 }), c = canvas.getContext("2d");
  c.fillStyle = ink;
  c.fillRect(2, 12, 28, 8);
  return canvas;
}

const redshiftOf = (target) => String(target.targetextra_set?.find((e) => /^(redshift|z)$/i.test(e.key))?.value ?? "");
