// The reduced datums.
import { ask } from "../api.js";
import { fieldForm } from "../forms.js";
import { fill, h } from "../dom.js";
import { explorer, targetLinks } from "../explorer.js";
import { confirmed, dialogue, notice } from "../notice.js";
import { dated } from "../table.js";
import { brief, dateText, short, undated } from "../text.js";

const path = "/api/reduceddatums/";

export async function show(main, who) {
  await explorer(main, {
    heading: "Data",
    path,
    things: ["datum", "datums"],
    orders: "ordering",
    buttons: who.signed_in && h("button", { type: "button", onclick: add }, "Add a datum"),
    columns: async (rows, again) => {
      const target = await targetLinks(rows);
      return [
        { label: "UTC", sort: "timestamp", class: "tight",
          cell: (d) =>
            h("button", { type: "button", class: "link", onclick: () => details(d, who, again) }, dated(d)) },
        { label: "Target", class: "wide", cell: (d) => target(d.target) },
        { label: "Type", class: "wideonly", cell: (d) => d.data_type },
        { label: "Source", class: "wideonly", cell: (d) => d.source_name },
        { label: "Value", class: "wide", cell: (d) => h("span", { class: "clip" }, brief(d.value)) },
        { label: "Product", class: "number wideonly",
          cell: (d) =>
            d.data_product && h("a", { href: "/dataproducts/data/" + d.data_product + "/" }, d.data_product) },
      ];
    },
  });
}

// details shows a whole datum.
function details(d, who, again) {
  const text = (k, v) => (k === "timestamp" && undated(d) ? dateText(d) : String(v ?? ""));
  const box = dialogue("Datum " + d.id, h("dl", {}, Object.entries(d).filter(([k]) => k !== "value").map((
    [k, v],
  ) => [h("dt", {}, k.replaceAll("_", " ")), h("dd", {}, text(k, v))])),
    h("pre", {},
      JSON.stringify(d.value,
        (k, v) => (Array.isArray(v) && v.length > 20 ? [...v.slice(0, 20), "… " + v.length + " in all"] : v), 1)),
    h("div", { class: "row" }, h("a", { class: "button", href: path + d.id + "/" }, "In the API"),
      who.signed_in && h("button", { type: "button", class: "danger", onclick: async () => {
        box.close();
        if (await confirmed("Delete this datum?", h("p", {}, dateText(d) + ": " + short(d.value)), "Delete",
          () => ask(path + d.id + "/", { method: "DELETE" }))) again();
      } }, "Delete")));
}

async function add() {
  const options = await ask(path, { method: "OPTIONS" }), place = h("div", {});
  const box = dialogue("Add a datum", place);
  fill(place,
    fieldForm(options.actions?.POST ?? {}, { verb: "Add", send: (json) => ask(path, { method: "POST", json }),
      done: (d) => {
        box.close();
        notice("Datum " + d.id + " is stored.");
      } }));
}
