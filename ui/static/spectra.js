// The spectra of a target, one above the other.
import { pages } from "./api.js";
import { save } from "./copy.js";
import { writeCSV } from "./csv.js";
import { fill, h } from "./dom.js";
import { colour, look, onLook } from "./looks.js";
import { Plot } from "./plot.js";
import { lineLists, median, smooth, spectrumOf } from "./spectrum.js";
import { fromMJD, many } from "./text.js";

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
    state.all.sort((a, b) => a.time - b.time);
    element.hidden = false;
    if (!plot) {
      drawControls();
      plot = new Plot(plotHost, { name: "", x: {}, y: {}, tip, marks });
      onLook(element, () => update(true));
    }
    update(plot.moved);
  }

  // ink is the colour of one of n spectra: from blue to red with time; at night from dim to less
  // dim.
  const ink = (i, n) => (look() === "night"
    ? "hsl(4 70% " + (30 + 26 * (n > 1 ? i / (n - 1) : 1)) + "%)"
    : "hsl(" + (225 - 215 * (n > 1 ? i / (n - 1) : 0)) + " 62% " + (look() === "dark" ? 68 : 40) + "%)");

  function update(keep) {
    const n = state.all.length, z = Number(state.z) || 0, shift = state.rest ? 1 + z : 1;
    const levels = state.all.map((s) => Math.abs(median(s.y)) || 1), common = state.normalise ? 1 : median(levels);
    let place = 0;
    series = state.all.flatMap((s, i) => {
      const hidden = state.hidden.has(i),
        lift = hidden ? 0 : state.offset * common * (state.log ? 0 : 1) * (hidden ? 0 : place++);
      const k = state.normalise ? 1 / levels[i] : 1, x = s.x.map((w) => w / shift),
        base = { spectrum: s, kind: "line", colour: ink(i, n), hidden };
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
    fill(legend,
      state.all.map((s, i) =>
        h("li", {}, h("button", { type: "button", "aria-pressed": String(!state.hidden.has(i)), onclick: () => {
          if (!state.hidden.delete(i)) state.hidden.add(i);
          update(true);
        } }, bar(ink(i, n)), fromMJD(s.time).slice(0, 10) + (s.datum.source_name ? " " + s.datum.source_name : "")))
      ));
    fill(notes, state.all.some((s) => s.unknownUnit) &&
      "Some wavelengths have unknown units and are shown as stored.");
  }

  function tip(s, i) {
    const d = s.spectrum.datum;
    return [
      ["UTC", d.timestamp.slice(0, 19).replace("T", " ")],
      ["wavelength", s.x[i].toFixed(2) + " Å"],
      ["flux", ((s.y[i] - s.lift) / s.k).toPrecision(4) + " " + s.spectrum.unit],
      ["source", d.source_name],
      ["product", d.data_product ?? ""],
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
        onclick: () =>
          save(stem + ".csv",
            writeCSV(["timestamp", "wavelength_angstrom", "flux", "flux_error", "flux_unit", "source"], state.all.filter((s, i) =>
              !state.hidden.has(i)
            ).flatMap((s) => Array.from(s.x, (w, i) => [s.datum.timestamp, w, s.y[i], s.e?.[i] ?? "", s.unit,
                s.datum.source_name]))),
            "text/csv") }, "CSV"));
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
