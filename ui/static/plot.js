// A plot on a canvas, for points with errors and for lines. It stays quick with hundreds of
// thousands of points: when many are in view, it sets them pixel by pixel.
//
// Zoom: drag a box, the wheel (with Ctrl, or when the plot has the focus), two fingers, or + and -.
// Move: drag with Shift or the right button, or the arrow keys. Reset: double click, or 0. The keys
// , and . go from point to point.
import { h } from "./dom.js";
import { colour, onLook } from "./looks.js";
import { stamp } from "./symbols.js";
import { label, logTicks, ticks } from "./ticks.js";

const manyPoints = 3000; // with more in view, points are set as pixels

// A series is {x, y, e, kind, symbol, filled, colour, width, faint, hidden}. x, y and e (errors,
// optional) are arrays of numbers; for lines x ascends. kind is "points", "limits" or "line".
export class Plot {
  // options: name is the accessible name; x and y are {label, reversed, log, text(value, step)};
  // tip(series, i) returns pairs for the point under the pointer; picked(series, i) is called when
  // a point is clicked.
  constructor(host, options) {
    this.options = options;
    this.series = [];
    this.canvas = h("canvas", { tabindex: 0, role: "img", "aria-label": options.name });
    this.over = h("canvas", { "aria-hidden": "true", class: "over" });
    this.over.style.pointerEvents = "none";
    this.tip = h("div", { class: "tip", hidden: true });
    this.said = h("p", { class: "offscreen", "aria-live": "polite" });
    this.host = h("div", { class: "plot" }, this.canvas, this.over, this.tip, this.said);
    host.append(this.host);
    new ResizeObserver(() => this.later()).observe(this.host);
    onLook(this.host, () => this.later());
    this.#listen();
  }

  // set shows other series. If keep is true, the view stays.
  set(series, keep = false) {
    this.series = series;
    this.at = null;
    if (!keep || !this.view) {
      this.view = this.whole();
      this.moved = false; // by the user
    }
    this.later();
  }

  // whole is the view that holds everything that is shown, with a margin.
  whole() {
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (const s of this.series) {
      if (s.hidden) continue;
      for (let i = 0; i < s.x.length; i++) {
        const x = s.x[i], y = this.#level(s.y[i]);
        if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
    }
    if (x0 > x1) return { x0: 0, x1: 1, y0: 0, y1: 1 };
    const dx = (x1 - x0) * 0.03 || 0.5, dy = (y1 - y0) * 0.07 || 0.5;
    return { x0: x0 - dx, x1: x1 + dx, y0: y0 - dy, y1: y1 + dy };
  }

  reset() {
    this.moved = false;
    this.view = this.whole();
    this.later();
  }

  // later draws with the next frame.
  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  #level(y) {
    return this.options.y.log ? Math.log10(y) : y;
  }

  // #frame is the plot area on the canvas, in CSS pixels, with functions between values and pixels.
  #frame() {
    const width = this.host.clientWidth, height = this.host.clientHeight,
      v = this.view ?? { x0: 0, x1: 1, y0: 0, y1: 1 };
    const left = this.left ?? 56, right = width - 12, top = 10, bottom = height - 42;
    const kx = (right - left) / (v.x1 - v.x0), ky = (bottom - top) / (v.y1 - v.y0);
    const down = this.options.y.reversed, across = this.options.x.reversed;
    return {
      width,
      height,
      left,
      right,
      top,
      bottom,
      v,
      px: across ? (x) => right - (x - v.x0) * kx : (x) => left + (x - v.x0) * kx,
      py: down ? (y) => top + (y - v.y0) * ky : (y) => bottom - (y - v.y0) * ky,
      ux: across ? (p) => v.x0 + (right - p) / kx : (p) => v.x0 + (p - left) / kx,
      uy: down ? (p) => v.y0 + (p - top) / ky : (p) => v.y0 + (bottom - p) / ky,
      ky,
    };
  }

  draw() {
    const scale = devicePixelRatio || 1, width = this.host.clientWidth, height = this.host.clientHeight;
    if (width < 60 || !this.view) return;
    const w = Math.round(width * scale), hh = Math.round(height * scale);
    for (const c of [this.canvas, this.over]) {
      if (c.width !== w || c.height !== hh) {
        c.width = w;
        c.height = hh;
      }
    }
    this.#paint(this.canvas.getContext("2d"), scale);
    this.#paintOver();
    this.host.dataset.drawn = "true"; // for tests, with the time of the first drawing
    this.host.dataset.at ??= String(Date.now());
  }

  #paint(c, scale) {
    const look = { ground: colour("card"), line: colour("line"), edge: colour("edge"), faint: colour("faint") };
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.fillStyle = look.ground;
    c.fillRect(0, 0, this.host.clientWidth, this.host.clientHeight);
    c.font = "12px system-ui, 'Segoe UI', Roboto, sans-serif";
    const yTicks = this.#yTicks();
    this.left = Math.max(46, 26 + Math.max(...yTicks.map((t) => c.measureText(t.text).width)));
    const f = this.#frame();
    this.#axes(c, f, look, yTicks);
    const marks = (this.options.marks?.() ?? []).map((m) => ({ ...m, at: f.px(m.x) })).filter((m) =>
      m.at >= f.left && m.at <= f.right
    );
    this.#marks(c, f, marks);
    c.save();
    c.beginPath();
    c.rect(f.left, f.top, f.right - f.left, f.bottom - f.top);
    c.clip();
    const shown = this.series.filter((s) => !s.hidden);
    for (const s of shown) if (s.kind === "line") this.#line(c, f, s);
    const points = shown.filter((s) => s.kind !== "line");
    const inSight = points.reduce((n, s) => n + countIn(s, f, this.options.y.log), 0);
    if (inSight > manyPoints) {
      this.#pixels(c, f, points, scale, look.ground, inSight);
    } else {
      for (const s of points) this.#stamps(c, f, s, scale, look.ground, inSight);
    }
    c.restore();
    if (marks.length) this.#names(c, f, look.ground, marks);
    c.strokeStyle = look.edge;
    c.lineWidth = 1;
    c.strokeRect(f.left + 0.5, f.top + 0.5, f.right - f.left - 1, f.bottom - f.top - 1);
  }

  #yTicks() {
    const v = this.view, o = this.options.y;
    if (o.log) {
      const values = logTicks(v.y0, v.y1);
      if (values.length > 1) return values.map((at) => ({ at, text: (10 ** at).toPrecision(1).replace("e+", "e") }));
    }
    const { step, values } = ticks(v.y0, v.y1, this.host.clientHeight / 55);
    return values.map((at) => ({ at, text: o.log ? (10 ** at).toPrecision(3) : label(at, step) }));
  }

  #axes(c, f, look, yTicks) {
    const x = this.options.x, y = this.options.y;
    const { step, values } = ticks(f.v.x0, f.v.x1, Math.max(2, (f.right - f.left) / (x.text ? 110 : 75)));
    c.lineWidth = 1;
    c.strokeStyle = look.line;
    c.beginPath();
    for (const v of values) {
      c.moveTo(Math.round(f.px(v)) + 0.5, f.top);
      c.lineTo(Math.round(f.px(v)) + 0.5, f.bottom);
    }
    for (const t of yTicks) {
      c.moveTo(f.left, Math.round(f.py(t.at)) + 0.5);
      c.lineTo(f.right, Math.round(f.py(t.at)) + 0.5);
    }
    c.stroke();
    c.fillStyle = look.faint;
    c.textAlign = "center";
    c.textBaseline = "alphabetic";
    let end = -Infinity;
    for (const v of x.reversed ? values.toReversed() : values) {
      const text = x.text ? x.text(v, step) : label(v, step), half = c.measureText(text).width / 2;
      const at = Math.min(Math.max(f.px(v), half + 2), f.width - half - 2);
      if (at - half < end + 8) continue;
      c.fillText(text, at, f.bottom + 16);
      end = at + half;
    }
    c.fillText(x.label, (f.left + f.right) / 2, f.height - 7);
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const t of yTicks) c.fillText(t.text, f.left - 6, f.py(t.at));
    c.save();
    c.translate(9, (f.top + f.bottom) / 2);
    c.rotate(-Math.PI / 2);
    c.textAlign = "center";
    c.fillText(y.label, 0, 0);
    c.restore();
    c.textBaseline = "alphabetic";
  }

  // #marks draws vertical lines, such as those of spectral lines.
  #marks(c, f, marks) {
    c.save();
    c.lineWidth = 1;
    c.setLineDash([2, 3]);
    for (const m of marks) {
      c.strokeStyle = m.colour;
      c.beginPath();
      c.moveTo(m.at, f.top);
      c.lineTo(m.at, f.bottom);
      c.stroke();
    }
    c.restore();
  }

  // #names writes the names of the marks, in ascending order, above everything, each in the first
  // row with enough space.
  #names(c, f, ground, marks) {
    const ends = []; // by row, where its last name ends
    c.save();
    c.textAlign = "left";
    c.font = "11px system-ui, sans-serif";
    c.lineWidth = 3;
    c.lineJoin = "round";
    c.strokeStyle = ground;
    for (const m of marks) {
      const width = c.measureText(m.name).width, x = Math.min(m.at + 3, f.right - width - 2);
      let row = ends.findIndex((end) => end + 4 < x);
      if (row < 0) row = ends.length < 6 ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = x + width;
      c.fillStyle = m.colour;
      c.strokeText(m.name, x, f.top + 13 + row * 13);
      c.fillText(m.name, x, f.top + 13 + row * 13);
    }
    c.restore();
  }

  #line(c, f, s) {
    const from = Math.max(0, firstAtLeast(s.x, f.v.x0) - 1), to = Math.min(s.x.length, firstAtLeast(s.x, f.v.x1) + 1);
    c.beginPath();
    c.lineWidth = s.width ?? 1.2;
    c.strokeStyle = s.colour;
    c.globalAlpha = s.faint ? 0.35 : 1;
    // of many points in one pixel column, the first, highest, lowest and last are enough
    let column = null, low = 0, high = 0, last = 0, pen = false;
    const finish = () => {
      if (column !== null) {
        c.lineTo(column, low);
        c.lineTo(column, high);
        c.lineTo(column, last);
      }
      column = null;
    };
    for (let i = from; i < to; i++) {
      const level = this.#level(s.y[i]);
      if (!Number.isFinite(level)) {
        finish();
        pen = false;
        continue;
      }
      const x = Math.round(f.px(s.x[i]) * 2) / 2, y = f.py(level);
      if (!pen) {
        finish();
        c.moveTo(x, y);
        pen = true;
      }
      if (x === column) {
        low = Math.min(low, y);
        high = Math.max(high, y);
      } else {
        finish();
        column = x;
        low = high = y;
      }
      last = y;
    }
    finish();
    c.stroke();
    c.globalAlpha = 1;
  }

  #stamps(c, f, s, scale, ground, inSight) {
    const r = inSight > 800 ? 2.6 : inSight > 250 ? 3.2 : 3.8;
    const picture = stamp(s.kind === "limits" ? "limit" : s.symbol ?? "circle", s.colour, s.filled,
      s.kind === "limits" ? r * 0.9 : r, ground, scale);
    if (s.e) {
      c.strokeStyle = s.colour;
      c.globalAlpha = 0.55;
      c.lineWidth = 1;
      c.beginPath();
      for (let i = 0; i < s.x.length; i++) {
        const x = f.px(s.x[i]);
        if (!(s.e[i] > 0) || x < f.left - 5 || x > f.right + 5) continue;
        c.moveTo(x, f.py(this.#level(s.y[i] - s.e[i])));
        c.lineTo(x, f.py(this.#level(s.y[i] + s.e[i])));
      }
      c.stroke();
      c.globalAlpha = 1;
    }
    if (s.kind === "limits") c.globalAlpha = 0.8;
    const { canvas, half } = picture;
    for (let i = 0; i < s.x.length; i++) {
      const x = f.px(s.x[i]), y = f.py(this.#level(s.y[i]));
      if (x < f.left - 5 || x > f.right + 5 || !(y > f.top - 5 && y < f.bottom + 5)) continue;
      c.drawImage(canvas, x - half, y - half, 2 * half, 2 * half);
    }
    c.globalAlpha = 1;
  }

  // #pixels draws points and their errors directly into the pixels of the image.
  #pixels(c, f, all, scale, ground, inSight) {
    const x0 = Math.round(f.left * scale), y0 = Math.round(f.top * scale), w = Math.round(f.right * scale) - x0,
      hh = Math.round(f.bottom * scale) - y0;
    if (w < 1 || hh < 1) return;
    if (this.picture?.width !== w || this.picture?.height !== hh) {
      this.picture = new ImageData(w, hh);
      this.buffer = new Uint32Array(this.picture.data.buffer);
      this.layer = new OffscreenCanvas(w, hh);
    }
    const buffer = this.buffer.fill(0), size = Math.max(1, Math.round((inSight > 20000 ? 1.6 : 2.6) * scale)),
      half = size >> 1;
    const errors = inSight < 30000;
    // error bars first, then the points of all series in turn, so that none covers the others
    const set = all.map((s) => ({ s, ink: packed(s.colour, s.kind === "limits" ? 0.4 : 1, ground),
      pale: packed(s.colour, 0.4, ground), limits: s.kind === "limits" })
    );
    const px = affine(f.px, scale, -x0), py = affine(f.py, scale, -y0), log = this.options.y.log;
    if (errors) {
      for (const { s, pale } of set) {
        for (let i = 0; s.e && i < s.x.length; i++) {
          const x = (s.x[i] * px.k + px.d) | 0;
          if (!(s.e[i] > 0) || x < 0 || x >= w) continue;
          const a = (log ? Math.log10(s.y[i] - s.e[i]) : s.y[i] - s.e[i]) * py.k + py.d,
            b = (log ? Math.log10(s.y[i] + s.e[i]) : s.y[i] + s.e[i]) * py.k + py.d;
          const to = Math.min(hh - 1, Math.max(a, b) | 0);
          for (let y = Math.max(0, Math.min(a, b) | 0); y <= to; y++)
            if (buffer[y * w + x] === 0) buffer[y * w + x] = pale;
        }
      }
    }
    const turns = all.length > 1 ? 8 : 1;
    for (let turn = 0; turn < turns; turn++) {
      for (const { s, ink, limits } of set) {
        for (let i = turn; i < s.x.length; i += turns) {
          const x = ((s.x[i] * px.k + px.d) | 0) - half,
            y = (((log ? Math.log10(s.y[i]) : s.y[i]) * py.k + py.d) | 0) - half;
          if (!(x >= 0 && y >= 0 && x + size < w && y + size < hh)) continue;
          for (let r = 0; r < size; r++) {
            const inset = limits ? r >> 1 : 0, at = (y + r) * w + x;
            for (let k = inset; k < size - inset; k++) buffer[at + k] = ink;
          }
        }
      }
    }
    this.layer.getContext("2d").putImageData(this.picture, 0, 0);
    c.drawImage(this.layer, x0 / scale, y0 / scale, w / scale, hh / scale);
  }

  // #paintOver draws what follows the pointer: the box, and the point under it.
  #paintOver() {
    const c = this.over.getContext("2d"), scale = devicePixelRatio || 1;
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, this.host.clientWidth, this.host.clientHeight);
    if (this.box) {
      c.strokeStyle = colour("accent");
      c.setLineDash([4, 3]);
      c.strokeRect(this.box.x + 0.5, this.box.y + 0.5, this.box.w, this.box.h);
      c.setLineDash([]);
    }
    if (this.at && !this.at.series.hidden) {
      const f = this.#frame(), { series: s, i } = this.at;
      c.strokeStyle = colour("ink");
      c.lineWidth = 1.6;
      c.beginPath();
      c.arc(f.px(s.x[i]), f.py(this.#level(s.y[i])), 7, 0, 7);
      c.stroke();
    }
  }

  // mark draws a ring around a point, or removes it.
  mark(series, i) {
    this.at = series ? { series, i } : null;
    this.#paintOver();
  }

  // #nearest finds the point nearest to a place on the canvas, within a number of pixels.
  #nearest(x, y, within = 14) {
    const f = this.#frame();
    let best = within * within, found = null;
    for (const s of this.series) {
      if (s.hidden || s.mute) continue;
      for (let i = 0; i < s.x.length; i++) {
        const dx = f.px(s.x[i]) - x;
        if (dx * dx >= best) continue;
        const dy = s.kind === "line" ? (f.py(this.#level(s.y[i])) - y) / 2 : f.py(this.#level(s.y[i])) - y,
          d = dx * dx + dy * dy;
        if (d < best) {
          best = d;
          found = { series: s, i };
        }
      }
    }
    return found;
  }

  #show(found) {
    this.at = found;
    this.#paintOver();
    if (!found || !this.options.tip) {
      this.tip.hidden = true;
      return;
    }
    const f = this.#frame(), pairs = this.options.tip(found.series, found.i);
    this.tip.replaceChildren(h("dl", {}, pairs.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])));
    this.tip.hidden = false;
    const x = f.px(found.series.x[found.i]), y = f.py(this.#level(found.series.y[found.i])),
      box = this.tip.getBoundingClientRect();
    this.tip.style.left = Math.max(2, x + 14 + box.width > f.width ? x - 14 - box.width : x + 14) + "px";
    this.tip.style.top = Math.max(2, Math.min(y - box.height / 2, f.height - box.height - 2)) + "px";
  }

  // zoom scales the view by a factor (below 1: closer) around a place in CSS pixels.
  zoom(factor, x = this.host.clientWidth / 2, y = this.host.clientHeight / 2) {
    this.moved = true;
    const f = this.#frame(), v = this.view, cx = f.ux(x), cy = f.uy(y);
    this.view = { x0: cx + (v.x0 - cx) * factor, x1: cx + (v.x1 - cx) * factor, y0: cy + (v.y0 - cy) * factor,
      y1: cy + (v.y1 - cy) * factor };
    this.later();
  }

  // pan moves the view by a number of CSS pixels.
  pan(dx, dy) {
    this.moved = true;
    const f = this.#frame(), mx = f.ux(0) - f.ux(dx), my = f.uy(0) - f.uy(dy), v = this.view;
    this.view = { x0: v.x0 + mx, x1: v.x1 + mx, y0: v.y0 + my, y1: v.y1 + my };
    this.later();
  }

  #listen() {
    const c = this.canvas, fingers = new Map();
    let drag = null;
    const place = (event) => {
      const box = c.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    c.addEventListener("pointerdown", (event) => {
      const p = place(event);
      c.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, p);
      if (event.pointerType === "touch") drag = { ...p, moved: false, pan: true, from: p };
      else drag = { ...p, moved: false, pan: event.shiftKey || event.button !== 0 || this.panning, from: p };
      this.#show(null);
    });
    c.addEventListener("pointermove", (event) => {
      const p = place(event);
      if (!drag) {
        this.#show(this.#nearest(p.x, p.y));
        return;
      }
      if (Math.hypot(p.x - drag.from.x, p.y - drag.from.y) > 4) drag.moved = true;
      if (fingers.size === 2) {
        const [a, b] = [...fingers.entries()].map(([id, at]) => [at, id === event.pointerId ? p : at]);
        const before = Math.hypot(a[0].x - b[0].x, a[0].y - b[0].y),
          after = Math.hypot(a[1].x - b[1].x, a[1].y - b[1].y);
        if (after > 10) this.zoom(before / after, (a[1].x + b[1].x) / 2, (a[1].y + b[1].y) / 2);
        drag.moved = true;
      } else if (drag.pan) {
        if (drag.moved) this.pan(p.x - drag.x, event.pointerType === "touch" ? 0 : p.y - drag.y);
        drag.x = p.x;
        drag.y = p.y;
      } else if (drag.moved) {
        this.box = { x: Math.min(p.x, drag.from.x), y: Math.min(p.y, drag.from.y), w: Math.abs(p.x - drag.from.x),
          h: Math.abs(p.y - drag.from.y) };
        this.#paintOver();
      }
      fingers.set(event.pointerId, p);
    });
    const up = (event) => {
      fingers.delete(event.pointerId);
      const box = this.box, clicked = drag && !drag.moved;
      this.box = null;
      if (fingers.size === 0) drag = null;
      if (event.type === "pointercancel") return;
      if (box && box.w > 5 && box.h > 5) {
        const f = this.#frame(), xs = [f.ux(box.x), f.ux(box.x + box.w)].sort((a, b) => a - b),
          ys = [f.uy(box.y), f.uy(box.y + box.h)].sort((a, b) => a - b);
        this.moved = true;
        this.view = { x0: xs[0], x1: xs[1], y0: ys[0], y1: ys[1] };
        this.later();
      } else if (clicked) {
        const p = place(event), found = this.#nearest(p.x, p.y, 20);
        this.#show(found);
        if (found) this.options.picked?.(found.series, found.i);
      }
      this.#paintOver();
    };
    c.addEventListener("pointerup", up);
    c.addEventListener("pointercancel", up);
    c.addEventListener("pointerleave", () => drag || this.#show(null));
    c.addEventListener("contextmenu", (event) => event.preventDefault());
    c.addEventListener("dblclick", () => this.reset());
    c.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== c) return; // the user scrolls the page
      event.preventDefault();
      const p = place(event);
      this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004), p.x, p.y);
    }, { passive: false });
    c.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const run =
        { "+": () => this.zoom(0.8), "=": () => this.zoom(0.8), "-": () => this.zoom(1.25), 0: () => this.reset(),
          ArrowLeft: () => this.pan(60, 0), ArrowRight: () => this.pan(-60, 0), ArrowUp: () => this.pan(0, 40),
          ArrowDown: () => this.pan(0, -40), ".": () => this.#step(1), ",": () => this.#step(-1),
          Escape: () => this.#show(null),
          Enter: () => this.at && this.options.picked?.(this.at.series, this.at.i) }[event.key];
      if (!run) return;
      event.preventDefault();
      event.stopPropagation();
      run();
    });
  }

  // #step goes to the next shown point in x, and says what it is.
  #step(by) {
    const here = this.at ? this.at.series.x[this.at.i] : by > 0 ? -Infinity : Infinity;
    const order = (s, i) => s * 1e9 + i, now = this.at ? order(this.series.indexOf(this.at.series), this.at.i) : -1;
    let best = null, bestKey = null;
    this.series.forEach((s, k) => {
      if (s.hidden || s.mute) return;
      for (let i = 0; i < s.x.length; i++) {
        const key = [s.x[i], order(k, i)];
        if (by * ((key[0] - here) || (key[1] - now)) <= 0 || (key[0] === here && key[1] === now)) continue;
        if (!bestKey || by * ((key[0] - bestKey[0]) || (key[1] - bestKey[1])) < 0) {
          bestKey = key;
          best = { series: s, i };
        }
      }
    });
    if (!best) return;
    this.#show(best);
    this.said.textContent = this.options.tip?.(best.series, best.i).map(([k, v]) => k + " " + v).join(", ") ?? "";
  }

  // png returns the plot as an image of twice the size.
  async png() {
    const canvas = document.createElement("canvas");
    canvas.width = this.host.clientWidth * 2;
    canvas.height = this.host.clientHeight * 2;
    this.#paint(canvas.getContext("2d"), 2);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}

// countIn estimates how many points of a series are in view. It samples long series.
function countIn(s, f, log) {
  const { x0, x1, y0, y1 } = f.v, step = Math.max(1, s.x.length >> 12);
  let n = 0;
  for (let i = 0; i < s.x.length; i += step) {
    const y = log ? Math.log10(s.y[i]) : s.y[i];
    if (s.x[i] >= x0 && s.x[i] <= x1 && y >= y0 && y <= y1) n++;
  }
  return n * step;
}

// firstAtLeast is the index of the first number in an ascending list that is at least value.
function firstAtLeast(list, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid] < value) low = mid + 1;
    else high = mid;
  }
  return low;
}

// affine is a linear scale as a factor and a shift, which is faster in a loop than a call.
function affine(fn, scale, shift) {
  const d = fn(0) * scale + shift;
  return { k: fn(1) * scale + shift - d, d };
}

const probe = typeof document === "undefined"
  ? null
  : new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// packed is a colour, mixed with the background, as a 32-bit pixel.
function packed(ink, share, ground) {
  probe.globalAlpha = 1;
  probe.fillStyle = ground;
  probe.fillRect(0, 0, 1, 1);
  probe.globalAlpha = share;
  probe.fillStyle = ink;
  probe.fillRect(0, 0, 1, 1);
  return new Uint32Array(probe.getImageData(0, 0, 1, 1).data.buffer)[0];
}
