// One data product: its facts, its file, and the datums read from it.
import { get } from "../api.js";
import { fill, h, select } from "../dom.js";
import { targetLinks } from "../explorer.js";
import { cuts, greys, readFITS, stretches } from "../fits.js";
import { colour, onLook } from "../looks.js";
import { failed } from "../notice.js";
import { counted, deleteProduct, fields, fileName, local } from "../products.js";
import { title } from "../shell.js";
import { dated, pager, table } from "../table.js";
import { brief, grouped, many } from "../text.js";
import { nothingHere } from "./targetname.js";

const beginning = 4000, largest = 100 << 20; // bytes: shown of a text, fetched of a FITS file

export async function show(main, who, { id }) {
  let p;
  try {
    [p] = await counted([
      await get("/api/dataproducts/" + id + "/", { fields: fields + ",groups,observation_record,extra_data" }),
    ]);
  } catch (error) {
    if (error.status !== 404) throw error;
    fill(main, nothingHere(who, "There is no data product " + id + " here that you may see."));
    return;
  }
  const name = fileName(p), target = await targetLinks([p]), look = h("div", {}), data = h("div", {});
  title(name);
  const facts = [
    ["Target", target(p.target)],
    ["Type", p.data_product_type.replaceAll("_", " ")],
    ["Product id", p.product_id],
    ["Groups", p.groups.map((g) => g.name).join(", ")],
    ["Observation", p.observation_record],
    ["Remarks", p.extra_data],
  ].filter(([, v]) => v);
  fill(main,
    h("div", { class: "bar" }, h("h1", {}, name),
      h("div", { class: "row" }, h("a", { class: "button main", href: local(p), download: true }, "Download"),
        who.signed_in && h("button", { type: "button", class: "danger", onclick: async () => {
          if (await deleteProduct(p)) location.assign("/targets/" + p.target + "/");
        } }, "Delete"))),
    h("section", { class: "card" }, h("dl", {}, facts.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]))), look,
    h("section", { class: "card", "aria-label": "Data" },
      h("h2", {}, many(p.data_count, "datum", "datums") + " came out of it"), data));
  await rows(data, p, 0);
  await preview(look, p, name);
}

async function rows(place, p, offset) {
  const limit = 20, page = await get("/api/reduceddatums/", { data_product__id: p.id, limit, offset: offset || "" });
  fill(place, table({
    rows: page.results,
    caption: "Data",
    empty: "",
    columns: [{ label: "UTC", class: "tight", cell: dated }, { label: "Type", class: "wideonly",
      cell: (d) => d.data_type }, { label: "Value", class: "wide", cell: (d) =>
        h("span", { class: "clip" }, brief(d.value)) }],
  }), pager({ count: page.count, limit, offset, go: (to) => rows(place, p, to).catch(failed) }));
}

async function preview(place, p, name) {
  const path = local(p), head = await fetch(path, { headers: { Range: "bytes=0-" + (beginning - 1) } });
  if (!head.ok) return;
  const start = new Uint8Array(await head.arrayBuffer()),
    total = Number((head.headers.get("Content-Range") ?? "").split("/")[1]) || start.length;
  const text = new TextDecoder().decode(start);
  if (text.startsWith("SIMPLE  =")) {
    if (total > largest)
      return fill(place,
        h("section", { class: "card", "aria-label": "Preview" },
          h("p", { class: "faint" },
            "The file is too large to be read here; this is the node's preview, if it has one."),
          h("span", { class: "figure" }, h("img", { class: "preview", src: path + "?preview=1", alt: name }))));
    return showFITS(place, await (await fetch(path)).arrayBuffer());
  }
  if (/^image\/(png|jpeg|gif)$/.test(head.headers.get("Content-Type") ?? ""))
    return fill(place,
      h("section", { class: "card" },
        h("span", { class: "figure" }, h("img", { class: "preview", src: path, alt: name }))));
  if (/[\x00-\x08\x0e-\x1f\ufffd]/.test(text.slice(0, -3))) return;
  fill(place,
    h("section", { class: "card", "aria-label": "Beginning of the file" }, h("h2", {}, "How the file begins"),
      h("pre", { class: "answer" }, text.split("\n").slice(0, 25).join("\n") + (total > start.length ? "\n…" : ""))));
}

function showFITS(place, buffer) {
  const { hdus, image } = readFITS(buffer);
  const header = (hdu, i) =>
    h("details", { open: hdus.length === 1 && !image },
      h("summary", {}, "HDU " + (i + 1) + ", " + hdu.name + ": " + many(hdu.cards.length, "card")),
      h("div", { class: "scroll" }, h("table", { class: "mono" }, h("tbody", {}, hdu.cards.map(([k, v, c]) =>
        h("tr", {}, h("td", {}, k), h("td", {}, v === true ? "T" : v === false ? "F" : String(v)),
          h("td", { class: "faint" }, c))
      )))));
  fill(place, image && imageCard(image),
    h("section", { class: "card", "aria-label": "FITS headers" }, h("h2", {}, "Headers"), hdus.map(header)));
}

function imageCard(image) {
  const canvas = h("canvas", { class: image.width < 400 ? "preview small" : "preview", width: image.width,
      height: image.height, role: "img",
      "aria-label": "The image, " + image.width + " by " + image.height + " pixels" }),
    value = h("span", { class: "faint mono" });
  const state = { stretch: "asinh", high: 0.995, invert: false };
  const draw = () => {
    const c = canvas.getContext("2d"),
      picture = greys(image, cuts(image.data, 0.01, state.high), stretches[state.stretch], state.invert);
    c.globalCompositeOperation = "source-over";
    c.putImageData(new ImageData(picture, image.width, image.height), 0, 0);
    if (document.documentElement.dataset.look === "night") { // red in place of white
      c.globalCompositeOperation = "multiply";
      c.fillStyle = colour("ink");
      c.fillRect(0, 0, image.width, image.height);
    }
  };
  canvas.addEventListener("pointermove", (event) => {
    const x = Math.floor((event.offsetX / canvas.clientWidth) * image.width),
      y = image.height - 1 - Math.floor((event.offsetY / canvas.clientHeight) * image.height);
    const v = image.data[y * image.width + x];
    fill(value, "x " + (x + 1) + "  y " + (y + 1) + "  " + (v === undefined ? "" : Number(v.toPrecision(6))));
  });
  const card = h("section", { class: "card", "aria-label": "Image" },
    h("h2", {}, "Image in HDU " + image.hdu + ", " + grouped(image.width) + " × " + grouped(image.height)),
    h("div", { class: "controls" }, h("label", { class: "row" }, "Stretch", select({ onchange: (event) => {
      state.stretch = event.target.value;
      draw();
    } }, Object.keys(stretches).map((s) => [s, s]), state.stretch)),
      h("label", { class: "row" }, "White at", select({ onchange: (event) => {
        state.high = Number(event.target.value);
        draw();
      } }, [[0.95, "95 %"], [0.99, "99 %"], [0.995, "99.5 %"], [0.999, "99.9 %"], [1, "the maximum"]], state.high)),
      h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (event) => {
        state.invert = event.target.checked;
        draw();
      } }), "Invert"), value), canvas);
  onLook(card, draw);
  draw();
  return card;
}
