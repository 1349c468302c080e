// The light curve of a target: the plot, its controls, and the table of its points.
import { pages } from "./api.js";
import { bandColour, bandOf, inOrder, symbolOf } from "./bands.js";
import { save } from "./copy.js";
import { writeCSV, writeECSV } from "./csv.js";
import { curveColumns, curveRows } from "./curvetable.js";
import { fill, h, select } from "./dom.js";
import { colour, look, onLook } from "./looks.js";
import { fold, measureOf, pointOf } from "./photometry.js";
import { Plot } from "./plot.js";
import { stamp } from "./symbols.js";
import { dated, pager, table } from "./table.js";
import { fromMJD, grouped, many, now, short } from "./text.js";

const pageSize = 25;

// lightCurve returns the panel of a target and loads its points. deletable is called with the datum
// of a point that the user deletes.
export function lightCurve(target, { deletable } = {}) {
  const state = { points: [], x: "mjd", y: "magnitude", period: periodOf(target), zero: "", folded: false, errors: true,
    limits: true, hidden: new Set(), offset: 0, marked: null };
  const plotHost = h("div", {}), legend = h("ul", { class: "legend", "aria-label": "Bands and sources" }),
    notes = h("p", { class: "help", "aria-live": "polite" }), rows = h("div", { id: "points" });
  const controls = h("div", { class: "controls" });
  const element = h("section", { class: "card", id: "lightcurve", "aria-label": "Light curve" },
    h("div", { class: "bar" }, h("h2", {}, "Light curve"), exports()), controls, plotHost, legend, notes,
    h("details", { class: "points", open: false, ontoggle: () => showRows() }, h("summary", {}, "Points as a table"),
      rows));
  let plot = null, series = [], others = []; // others are the points that the plot cannot show

  element.ready = load();

  // add adds datums that arrive while the page is open.
  element.add = (data) => {
    const known = new Set(state.points.map((p) => p.datum.id)),
      fresh = data.filter((d) => d.data_type === "photometry" && !known.has(d.id)).map(pointOf);
    if (fresh.length === 0) return;
    state.points = state.points.concat(fresh);
    const v = plot?.view;
    // keeps a part that the user zoomed into
    show(Boolean(v) && (plot.moved || state.folded || fresh.every((p) => p.time >= v.x0 && p.time <= v.x1)));
  };

  async function load() {
    fill(notes, "Loading the points …");
    let first = true;
    // the first page is small, to show something soon
    for await (const page of pages("/api/reduceddatums/", { target__id: target.id, data_type: "photometry",
      fields: "id,timestamp,value,source_name,source_location,data_product" }, 20000)) {
      state.points = state.points.concat(page.results.map(pointOf));
      if (first || !page.next) show(plot?.moved);
      if (page.next) fill(notes, grouped(state.points.length) + " of " + many(page.count, "point") + " …");
      first = false;
    }
    return state.points.length;
  }

  // show rebuilds the series from the points and the controls.
  function show(keep = false) {
    if (state.points.length === 0) {
      element.hidden = true;
      return;
    }
    element.hidden = false;
    drawControls();
    if (!plot) {
      plot = new Plot(plotHost, { name: "", x: {}, y: {}, tip, picked });
      onLook(element, () => {
        update(true);
        drawLegend();
      });
    }
    update(keep);
    drawLegend();
    showRows();
  }

  function update(keep) {
    const { measure, axis, as } = measureOf(state.y, state.points), today = now();
    const { period, zero, folded } = folding();
    const bands = inOrder(new Set(state.points.map((p) => p.filter))),
      sources = [...new Set(state.points.map((p) => p.source))].sort(),
      nth = sameBand(bands),
      night = look() === "night";
    const groups = new Map();
    others = [];
    for (const p of state.points) {
      const m = measure(p);
      const x = folded ? fold(p.time, period, zero) : state.x === "ago" ? today - p.time : p.time;
      if (!Number.isFinite(m.y)) {
        others.push({ point: p, x, hidden: isHidden(p.filter, p.source, p.isLimit) });
        continue;
      }
      const key = JSON.stringify([p.filter, p.source, p.isLimit]);
      let g = groups.get(key);
      if (!g)
        groups.set(key, g = { band: p.filter, source: p.source, limit: p.isLimit, points: [], x: [], y: [], e: [] });
      for (const at of folded ? [x, x + 1] : [x]) { // two periods, as is customary
        g.points.push(p);
        g.x.push(at);
        g.y.push(m.y);
        g.e.push(state.errors ? m.e : NaN);
      }
    }
    series = [...groups.values()].map((g) => {
      const b = bands.indexOf(g.band), s = sources.indexOf(g.source);
      return {
        ...g,
        x: Float64Array.from(g.x),
        y: Float64Array.from(g.y),
        e: g.limit ? null : Float64Array.from(g.e),
        kind: g.limit ? "limits" : "points",
        colour: bandColour(g.band, look(), nth[b]),
        symbol: night ? symbolOf(b) : symbolOf(s),
        filled: night ? s % 2 === 0 : !g.limit && s < 9,
        hidden: isHidden(g.band, g.source, g.limit),
      };
      // limits are drawn below the measurements
    }).sort((a, b) => b.limit - a.limit || bands.indexOf(a.band) - bands.indexOf(b.band));
    plot.options.x = axisX(folded);
    plot.options.y = axis;
    plot.options.name = "Light curve of " + target.name + ", " + many(state.points.length, "point") + " in " +
      bands.join(", ") +
      ". With the focus on it: plus and minus zoom, arrows move, comma and full stop go from point to point.";
    plot.canvas.setAttribute("aria-label", plot.options.name);
    plot.set(series, keep);
    fill(notes, many(state.points.length, "point"), as !== state.y && state.y !== "given" &&
      ", shown as flux in the unit of the file: neither a unit of flux density nor a zero point is known",
      others.length > 0 && ", of which " + grouped(others.length) + " cannot be shown as " + as +
        (as === "flux" ? ": nothing says what their magnitudes mean (a zero point, or the AB system)" : ""),
      ". Drag a box to zoom, with Shift to move; double-click to reset.");
    state.bands = bands;
    state.sources = sources;
    state.nth = nth;
  }

  const folding = () => {
    const period = Number(state.period);
    return { period, zero: Number(state.zero) || 0, folded: state.folded && period > 0 };
  };

  const isHidden = (band, source, limit) =>
    state.hidden.has("band " + band) || state.hidden.has("source " + source) || (limit && !state.limits);

  function axisX(folded) {
    if (folded) return { label: "Phase, period " + state.period + " d" };
    if (state.x === "ago") return { label: "Days ago", reversed: true };
    if (state.x === "utc")
      return { label: "UTC", text: (v, step) => (step >= 1
        ? fromMJD(v).slice(0, 10)
        : fromMJD(v).slice(5, step < 1 / 1440 ? 19 : 16).replace("T", " ")) };
    return { label: "MJD (UTC)" };
  }

  function drawControls() {
    if (controls.childElementCount) return;
    const toggle = (label, name) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: state[name], onchange: (event) => {
        state[name] = event.target.checked;
        update(name !== "folded");
      } }), label);
    const pick = (label, name, choices) =>
      h("label", {}, h("span", { class: "offscreen" }, label), select({ onchange: (event) => {
        state[name] = event.target.value;
        update(false);
      } }, choices, state[name]));
    const period = h("input", { type: "text", inputmode: "decimal", value: state.period, placeholder: "period, days",
      "aria-label": "Period in days", id: "period", oninput: () => setPeriod(period.value) });
    const setPeriod = (value) => {
      const fresh = !state.folded && Number(value) > 0;
      state.period = String(value);
      if (period.value !== state.period) period.value = state.period;
      if (fresh) {
        state.folded = true;
        folded.querySelector("input").checked = true;
      }
      if (state.folded) update(false);
    };
    const folded = toggle("Fold by", "folded");
    const times = (k) =>
      h("button", { type: "button", title: "Period " + (k > 1 ? "times two" : "by two"), onclick: () =>
        Number(state.period) > 0 && setPeriod(Number((state.period * k).toPrecision(12))) }, k > 1 ? "×2" : "÷2");
    fill(controls, pick("Time as", "x", [["mjd", "MJD"], ["utc", "UTC"], ["ago", "days ago"]]),
      pick("Brightness as", "y", [["magnitude", "magnitude"], ["flux", "flux"],
        ["given", "flux in the unit of the file"]]), toggle("Errors", "errors"),
      toggle("Limits", "limits"),
      h("span", { class: "row" }, folded, period, times(0.5), times(2),
        h("input", { type: "text", inputmode: "decimal", placeholder: "phase 0, MJD",
          "aria-label": "Time of phase 0, MJD", oninput: (event) => {
            state.zero = event.target.value;
            if (state.folded) update(false);
          } })),
      h("span", { class: "row" }, h("button", { type: "button", onclick: () => plot.reset() }, "Reset zoom"),
        h("button", { type: "button", "aria-pressed": "false", onclick: (event) => {
          plot.panning = !plot.panning;
          event.target.setAttribute("aria-pressed", String(plot.panning));
        } }, "Drag moves")));
  }

  function drawLegend() {
    const night = look() === "night";
    const entry = (kind, name, text, sample) =>
      h("li", {},
        h("button", { type: "button", "aria-pressed": String(!state.hidden.has(kind + " " + name)),
          dataset: { [kind]: name }, onclick: (event) => {
            const key = kind + " " + name;
            if (!state.hidden.delete(key)) state.hidden.add(key);
            event.currentTarget.setAttribute("aria-pressed", String(!state.hidden.has(key)));
            update(true);
            showRows();
          } }, sample, text));
    const counted = (test) => state.points.filter(test).length;
    const bands = state.bands.map((b, i) => {
      const all = counted((p) => p.filter === b), limits = counted((p) => p.filter === b && p.isLimit);
      return entry("band", b, b + " " + grouped(all - limits) + (limits ? " ▽" + grouped(limits) : ""),
        swatch(night ? symbolOf(i) : "circle", bandColour(b, look(), state.nth[i]), true));
    });
    const sources = state.sources.length > 1
      ? state.sources.map((s, i) =>
        entry("source", s, s, swatch(night ? "circle" : symbolOf(i), colour("faint"), night ? i % 2 === 0 : true))
      )
      : [];
    fill(legend, bands, sources);
  }

  function tip(s, i) {
    const p = s.points[i], d = p.datum,
      v = d.value && typeof d.value === "object" ? Object.entries(d.value) : [["value", d.value]];
    return [
      ["UTC", d.timestamp.replace("T", " ").replace("Z", "")],
      ["MJD", p.time.toFixed(5)],
      ...v.map(([k, x]) => [k.replaceAll("_", " "), short(x)]),
      ["source", d.source_name],
      ["where", d.source_location],
      ["product", d.data_product ?? ""],
    ].filter(([, x]) => x !== "" && x !== null);
  }

  // shownPoints are the points that are not hidden, newest first, with those that the axis cannot
  // show, such as negative fluxes as magnitudes.
  function shownPoints() {
    return [...series.filter((s) => !s.hidden).flatMap((s) => [...new Set(s.points)]),
      ...others.filter((o) => !o.hidden).map((o) => o.point)].sort((a, b) => b.time - a.time);
  }

  // pointsInView are the shown points within the part that the user zoomed into. Those that the axis
  // cannot show are in it by their time or phase.
  function pointsInView() {
    if (!plot.moved) return shownPoints();
    const v = plot.view, found = new Set();
    const beside = (x) => x >= v.x0 && x <= v.x1;
    for (const s of series) {
      if (s.hidden) continue;
      for (let i = 0; i < s.x.length; i++)
        if (beside(s.x[i]) && s.y[i] >= v.y0 && s.y[i] <= v.y1) found.add(s.points[i]);
    }
    const { folded } = folding();
    for (const o of others)
      if (!o.hidden && (beside(o.x) || folded && beside(o.x + 1))) found.add(o.point);
    return [...found];
  }

  function picked(s, i) {
    element.querySelector("details.points").open = true;
    state.marked = s.points[i];
    state.offset = Math.floor(shownPoints().indexOf(state.marked) / pageSize) * pageSize;
    showRows();
    rows.querySelector("tr.marked")?.scrollIntoView({ block: "nearest",
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  function showRows() {
    if (!element.querySelector("details.points").open) return;
    const all = shownPoints();
    state.offset = Math.min(state.offset, Math.max(0, all.length - 1));
    const columns = [
      { label: "UTC", class: "tight", cell: (p) => dated(p.datum) },
      { label: "MJD", class: "number wideonly", cell: (p) => p.time.toFixed(5) },
      { label: "Filter", cell: (p) => p.filter },
      { label: "Magnitude", class: "number",
        cell: (p) => (p.isLimit ? "> " + p.limit : Number.isNaN(p.magnitude) ? "" : p.magnitude) },
      { label: "Error", class: "number", cell: (p) => (Number.isNaN(p.error) || p.isLimit ? "" : p.error) },
      all.some((p) => !Number.isNaN(p.flux)) &&
      { label: "Flux", class: "number", cell: (p) => (Number.isNaN(p.flux)
        ? ""
        : p.flux + (Number.isNaN(p.fluxError) ? "" : " ± " + p.fluxError) + " " + p.fluxUnit) },
      { label: "Source", class: "wideonly", cell: (p) => p.source },
      deletable &&
      { label: "",
        cell: (p) =>
          h("button", { type: "button", class: "small", "aria-label": "Delete this point", onclick: async () => {
            if (await deletable(p.datum)) {
              state.points = state.points.filter((q) => q !== p);
              show(true);
            }
          } }, "Delete") },
    ].filter(Boolean);
    fill(rows,
      table({ columns, rows: all.slice(state.offset, state.offset + pageSize), caption: "Points of the light curve",
        mark: (tr, p) => {
          if (p === state.marked) tr.classList.add("marked");
          tr.addEventListener("mouseenter", () => {
            const s = series.find((s) => s.points.includes(p));
            plot.mark(s, s?.points.indexOf(p));
          });
        } }), pager({ count: all.length, limit: pageSize, offset: state.offset, go: (to) => {
          state.offset = to;
          showRows();
        } }));
  }

  function exports() {
    const stem = target.name.replace(/[^\w.+-]+/g, "_") + "_lightcurve";
    const columns = () => {
      const { period, zero, folded } = folding();
      return curveColumns(folded ? { period, zero } : {});
    };
    const table = (write) => {
      const all = columns();
      return write(all, curveRows(all, pointsInView()));
    };
    const button = (label, run) =>
      h("button", { type: "button", class: "small", onclick: run, title: "What is shown, as " + label }, label);
    return h("div", { class: "row" }, button("PNG", async () => save(stem + ".png", await plot.png())),
      button("CSV",
        () => save(stem + ".csv", table((all, rows) => writeCSV(all.map((c) => c.name), rows)), "text/csv")),
      button("ECSV", () => save(stem + ".ecsv", table(writeECSV))));
  }
  return element;
}

// sameBand counts for each filter how many filters before it mean the same band.
function sameBand(filters) {
  const seen = new Map();
  return filters.map((f) => {
    const band = bandOf(f) ?? f, n = seen.get(band) ?? 0;
    seen.set(band, n + 1);
    return n;
  });
}

// periodOf is the target's period from its tags, in days.
function periodOf(target) {
  const tag = target.targetextra_set?.find((e) => /^period(_days?)?$/i.test(e.key));
  return String(target.ephemeris_period ?? tag?.value ?? "");
}

// swatch is a small picture of a symbol.
export function swatch(symbol, ink, filled) {
  return stamp(symbol, ink, filled, 4, "transparent", 2).canvas;
}
