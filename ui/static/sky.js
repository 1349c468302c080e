// The map of the whole sky: Mollweide's projection, east to the left, right ascension 0h in the
// middle. A few targets are dots, many are shown by their density.
import { address, pages } from "./api.js";
import { ecliptic, galactic, mollweide, unmollweide } from "./angles.js";
import { fill, h } from "./dom.js";
import { colour, onLook } from "./looks.js";
import { grouped } from "./text.js";

const fewest = 1500; // with more targets, the map shows their density

// skyMap makes the map. It calls picked with right ascension, declination and a suitable radius, in
// degrees, of a click.
export function skyMap(picked) {
  const canvas = h("canvas", { role: "img", "aria-label": "Map of the sky" });
  const said = h("p", { class: "help", "aria-live": "polite" });
  const box = h("div", { class: "sky" }, canvas);
  const element = h("div", {}, box, said);
  let places = [], stop = null, asked = ""; // x and y of each target in turn, as mollweide returns them

  const draw = () => drawMap(canvas, places);
  new ResizeObserver(draw).observe(box);
  onLook(element, draw);
  canvas.addEventListener("click", (event) => {
    const at = direction(canvas, event);
    if (at) picked(at[0], at[1], 10);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = direction(canvas, event);
    canvas.title = at
      ? "RA " + at[0].toFixed(1) + "°, Dec " + at[1].toFixed(1) + "°: click for what lies within 10°"
      : "";
  });

  // show draws the targets that match a filter of the API.
  element.show = async (params) => {
    const url = address("/api/targets/", params);
    if (url === asked) return;
    asked = url;
    stop?.abort();
    stop = new AbortController();
    places = [];
    try {
      for await (const page of pages("/api/targets/", { ...params, fields: "ra,dec" }, 20000, stop.signal)) {
        places = places.concat(
          page.results.filter((t) => t.ra !== null && t.dec !== null).flatMap((t) => mollweide(t.ra, t.dec)),
        );
        draw();
      }
    } catch (error) {
      if (error.name !== "AbortError") fill(said, "The map cannot be drawn: " + error.message);
      return;
    }
    draw();
    const text = places.length === 0
      ? "No target with coordinates."
      : grouped(places.length / 2) + " with coordinates" + (places.length / 2 > fewest ? ", by density" : "") +
        ". The line is the Milky Way, the dashed one the ecliptic.";
    fill(said, text);
    canvas.setAttribute("aria-label", "Map of the sky: " + text);
  };
  return element;
}

function frame(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const r = Math.min(width / 4, height / 2) - 3;
  const px = (x) => width / 2 + x * r, py = (y) => height / 2 - y * r;
  return { width, height, r, px, py, at: (ra, dec) => {
    const [x, y] = mollweide(ra, dec);
    return [px(x), py(y)];
  } };
}

function direction(canvas, event) {
  const f = frame(canvas), box = canvas.getBoundingClientRect();
  return unmollweide((event.clientX - box.left - f.width / 2) / f.r, (f.height / 2 - event.clientY + box.top) / f.r);
}

function drawMap(canvas, places) {
  const f = frame(canvas), scale = devicePixelRatio || 1;
  if (f.width < 20) return;
  canvas.width = f.width * scale;
  canvas.height = f.height * scale;
  const c = canvas.getContext("2d");
  c.scale(scale, scale);
  c.beginPath();
  c.ellipse(f.width / 2, f.height / 2, 2 * f.r, f.r, 0, 0, 2 * Math.PI);
  c.fillStyle = colour("ground");
  c.fill();
  const dense = places.length / 2 > fewest;
  if (dense) density(c, f, places); // below the lines
  c.strokeStyle = colour("line");
  c.stroke();
  for (let dec = -60; dec <= 60; dec += 30) path(c, f, (i) => [180.001 + i * 359.998 / 90, dec], 90);
  for (let ra = 0; ra < 360; ra += 45) if (ra !== 180) path(c, f, (i) => [ra, -90 + 2 * i], 90);
  c.strokeStyle = colour("edge");
  c.lineWidth = 1.4;
  path(c, f, (i) => galactic(i * 2, 0), 180);
  c.lineWidth = 1;
  c.setLineDash([3, 4]);
  path(c, f, (i) => ecliptic(i * 2), 180);
  c.setLineDash([]);
  c.fillStyle = colour("faint");
  c.font = "11px system-ui, sans-serif";
  c.textAlign = "center";
  for (const hour of [0, 6, 18]) c.fillText(hour + "h", f.at(hour * 15, 0)[0], f.height / 2 - 4);
  if (!dense) dots(c, f, places);
}

// path draws a line that may leave the map on one side and return on the other.
function path(c, f, point, n) {
  c.beginPath();
  let before = null;
  for (let i = 0; i <= n; i++) {
    const [x, y] = f.at(...point(i));
    if (before === null || Math.abs(x - before) > f.r) c.moveTo(x, y);
    else c.lineTo(x, y);
    before = x;
  }
  c.stroke();
}

function dots(c, f, places) {
  c.fillStyle = colour("accent");
  const r = places.length < 400 ? 3.2 : 2;
  for (let i = 0; i < places.length; i += 2) {
    c.beginPath();
    c.arc(f.px(places[i]), f.py(places[i + 1]), r, 0, 7);
    c.fill();
  }
}

// density counts targets in cells of 2 by 2 pixels. The shade follows the logarithm.
function density(c, f, places) {
  const cell = 2, w = Math.ceil(f.width / cell), n = new Uint32Array(w * Math.ceil(f.height / cell)),
    shades = new ImageData(w, n.length / w);
  let most = 1;
  for (let i = 0; i < places.length; i += 2) {
    const k = Math.floor(f.py(places[i + 1]) / cell) * w + Math.floor(f.px(places[i]) / cell);
    most = Math.max(most, ++n[k]);
  }
  const full = Math.max(Math.log(most), 0.7);
  for (let k = 0; k < n.length; k++) if (n[k] > 0) shades.data[4 * k + 3] = 255 * (0.3 + 0.7 * Math.log(n[k]) / full);
  const layer = new OffscreenCanvas(shades.width, shades.height), l = layer.getContext("2d");
  l.putImageData(shades, 0, 0);
  l.globalCompositeOperation = "source-in"; // the colour, as opaque as the shades are
  l.fillStyle = colour("accent");
  l.fillRect(0, 0, layer.width, layer.height);
  c.imageSmoothingEnabled = false;
  c.drawImage(layer, 0, 0, layer.width * cell, layer.height * cell);
}
