// One target: its facts, who can see it, its light curve and spectra, its files, and an upload.
import { ask, count, get, pages } from "../api.js";
import { formatDec, formatRA, toGalactic } from "../angles.js";
import { copyButton } from "../copy.js";
import { fill, h } from "../dom.js";
import { lightCurve } from "../lightcurve.js";
import { live, newest } from "../live.js";
import { confirmed, failed, notice } from "../notice.js";
import { deleteProduct, productRows } from "../products.js";
import { seenBy, sharing } from "../sharing.js";
import { title } from "../shell.js";
import { spectra } from "../spectra.js";
import { ago, brief, dateText, many, moment, short } from "../text.js";
import { dated, table } from "../table.js";
import { uploads } from "../upload.js";
import { nothingHere } from "./targetname.js";

export async function show(main, who, { id }) {
  const path = "/api/targets/" + id + "/";
  let target, lists, options;
  const before = newest(id); // asked for before the datums are read, so that no later one is missed
  before.catch(() => {});
  try {
    [target, lists, options] = await Promise.all([
      get(path),
      get(path, { fields: "target_lists,group_rights" }),
      ask(path, { method: "OPTIONS" }),
    ]);
  } catch (error) {
    if (error.status !== 404) throw error;
    title("No such target");
    fill(main, nothingHere(who, "There is no target " + id + " here that you may see."));
    return;
  }
  const may = Boolean(options.actions?.PUT), fields = options.actions?.PUT ?? {};
  title(target.name);
  const seen = await before;

  const curve = lightCurve(target, { deletable: may && ((datum) => deleteDatum(datum)) });
  const spectral = spectra(target);
  const products = h("div", {}), recent = h("div", {}),
    none = h("p", { class: "card faint", hidden: true }, "This target has no data yet.");
  fill(main,
    h("div", { class: "bar" },
      h("div", { class: "row" }, h("h1", {}, target.name), copyButton(target.name, "Copy", "the name"),
        h("span", { class: "access", title: seenBy(target) }, target.permissions)), may &&
      h("div", { class: "row" }, h("a", { class: "button", href: "/targets/" + id + "/update/" }, "Edit"),
        h("button", { type: "button", class: "danger", id: "delete", onclick: () => remove(target) }, "Delete"))),
    h("section", { class: "card facts", "aria-label": "Facts" }, facts(target),
      about(target, fields, lists.target_lists), sharing(target, lists.group_rights, may, who)), curve, spectral, none,
    h("div", { class: "halves" },
      h("section", { class: "card", "aria-label": "Data products" },
        h("div", { class: "bar" }, h("h2", {}, "Data products")), products),
      may && uploads(target, who, () => stored().catch(failed))),
    h("section", { class: "card", "aria-label": "Recent data" },
      h("div", { class: "bar" }, h("h2", {}, "Recent data"),
        h("a", { href: "/reduceddatums/?target__id=" + id }, "All data of this target")), recent));

  let look = () => {}; // looks for new datums at once
  const stored = async () => {
    await look();
    await listed();
  };
  // again reloads the page's content after a deletion.
  const again = () => show(main, who, { id });
  const listed = () =>
    productRows(products, target, may && (async (product) => (await deleteProduct(product)) && again()));
  const shown = Promise.all([curve.ready, spectral.ready]).then(([points, number]) => {
    none.hidden = points + number > 0;
    if (points + number === 0) none.dataset.drawn = "true";
  });
  shown.then(listed).catch(failed);
  recentRows(recent, id).catch(failed);
  curve.ready.then((points) => {
    if (points === 0) curve.hidden = true;
  });
  await shown;
  look = live(products, target, seen, async (data, number) => {
    notice(many(number, "new datum", "new datums") + (number === 1 ? " has" : " have") + " arrived.");
    none.hidden = true;
    curve.add(data);
    spectral.add(data);
    await recentRows(recent, id);
  });
}

// facts are the names and coordinates.
function facts(t) {
  const rows = [];
  if (t.aliases.length) rows.push(["Other names", t.aliases.map((a, i) => [i > 0 && ", ", a.name])]);
  if (t.ra !== null && t.dec !== null) {
    const sexagesimal = formatRA(t.ra, 3) + " " + formatDec(t.dec, 2).replace("−", "-"),
      [l, b] = toGalactic(t.ra, t.dec);
    rows.push(["RA, Dec", [
      h("span", { class: "mono", id: "sexagesimal" }, formatRA(t.ra, 3) + "  " + formatDec(t.dec, 2)),
      " ",
      copyButton(sexagesimal, "Copy", "the sexagesimal coordinates"),
    ]]);
    rows.push(["in degrees", [
      h("span", { class: "mono" }, t.ra + "  " + String(t.dec).replace("-", "−")),
      " ",
      copyButton(t.ra + " " + t.dec, "Copy", "the coordinates in degrees"),
    ]]);
    rows.push([
      "galactic",
      h("span", { class: "mono faint" }, "l " + l.toFixed(3) + "  b " + b.toFixed(3).replace("-", "−")),
    ]);
  }
  rows.push([
    "Type",
    t.type === "SIDEREAL"
      ? "sidereal"
      : "non-sidereal" + (t.scheme ? ", " + t.scheme.replaceAll("_", " ").toLowerCase() : ""),
  ]);
  return h("dl", {}, rows.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

const placed = ["ra", "dec", "galactic_lng", "galactic_lat"];
const known = [
  "id",
  "name",
  "type",
  "scheme",
  "aliases",
  "targetextra_set",
  "groups",
  "permissions",
  "created",
  "modified",
  ...placed,
];

// about are the tags, the lists and the other fields.
function about(t, fields, lists) {
  const numbers = Object.entries(t).filter(([k, v]) =>
    !known.includes(k) && v !== null && v !== "" && typeof v === "number"
  );
  const name = (k) => fields[k]?.label ?? k.replaceAll("_", " ");
  return h("dl", {}, t.targetextra_set.length > 0 &&
    [
      h("dt", {}, "Tags"),
      h("dd", {},
        t.targetextra_set.map((e) =>
          h("a", { class: "tag",
            href: "/targets/?key=" + encodeURIComponent(e.key) + "&value=" + encodeURIComponent(e.value) },
            h("b", {}, e.key), " ", e.value)
        )),
    ], lists.length > 0 &&
    [
      h("dt", {}, "On the lists"),
      h("dd", {},
        lists.map((l) =>
          h("a", { class: "tag", href: "/targets/?targetlist__name=" + encodeURIComponent(l.name) }, l.name)
        )),
    ], numbers.map((
      [k, v],
    ) => [h("dt", { title: fields[k]?.help_text }, name(k)), h("dd", { title: fields[k]?.help_text }, String(v))]),
    h("dt", {}, "Changed"),
    h("dd", { title: "made " + moment(t.created) }, moment(t.modified) + " UTC, " + ago(t.modified)));
}

async function recentRows(place, id) {
  const page = await get("/api/reduceddatums/", { target__id: id, limit: 8, ordering: "-created" });
  fill(place, table({
    caption: "Recent data",
    rows: page.results,
    empty: "None yet.",
    columns: [
      { label: "UTC", class: "tight",
        cell: (d) => h("a", { href: "/api/reduceddatums/" + d.id + "/" }, dated(d)) },
      { label: "Type", class: "wideonly", cell: (d) => d.data_type },
      { label: "Source", class: "wideonly", cell: (d) => d.source_name },
      { label: "Value", class: "wide", cell: (d) => h("span", { class: "clip" }, brief(d.value)) },
    ],
  }));
}

async function deleteDatum(datum) {
  return confirmed("Delete this point?", [
    h("p", {}, dateText(datum) + ": " + short(datum.value)),
    datum.data_product && h("p", { class: "faint" }, "The file that it came from is kept."),
  ], "Delete", () => ask("/api/reduceddatums/" + datum.id + "/", { method: "DELETE" }));
}

// countFiles counts a target's products. The API filters them by part of a name only, which other
// targets may share.
async function countFiles(t) {
  let n = 0;
  for await (const page of pages("/api/dataproducts/", { target_name: t.name, fields: "target" }))
    n += page.results.filter((p) => p.target === t.id).length;
  return n;
}

// remove says what is deleted with the target, asks, and deletes it.
async function remove(t) {
  try {
    const [data, observations, files] = await Promise.all([
      count("/api/reduceddatums/", { target__id: t.id }),
      count("/api/observations/", { target_id: t.id }),
      countFiles(t),
    ]);
    const gone = await confirmed("Delete " + t.name + "?", [
      h("p", {}, "With it go for ever:"),
      h("ul", {}, h("li", {}, many(data, "datum", "datums") + " that you see"),
        h("li", {}, many(observations, "observation record")),
        h("li", {}, many(files, "data product") + " with " + (files === 1 ? "its file" : "their files")),
        h("li", {}, "its names, tags and places on lists")),
    ], "Delete it all", () => ask("/api/targets/" + t.id + "/", { method: "DELETE" }));
    if (gone) location.assign("/targets/");
  } catch (error) {
    failed(error);
  }
}
