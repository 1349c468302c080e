// Lists of data products.
import { ask, count, get } from "./api.js";
import { fill, h } from "./dom.js";
import { confirmed } from "./notice.js";
import { pager, table } from "./table.js";
import { grouped, many } from "./text.js";

export const fileName = (p) => decodeURIComponent(p.data.split("/").pop());

// local is the address of a product's file on this node, under the host name that the browser uses.
export const local = (p) => new URL(p.data).pathname;

// fields are the requested fields of products: all but their datums, which may be many.
export const fields = "id,product_id,target,data,data_product_type";

// counted adds the number of datums to products.
export const counted = (rows) =>
  Promise.all(
    rows.map(async (p) => ({ ...p, data_count: await count("/api/reduceddatums/", { data_product__id: p.id }) })),
  );

export const columns = (deletable) => [
  { label: "File", class: "wide", cell: (p) => h("a", { href: "/dataproducts/data/" + p.id + "/" }, fileName(p)) },
  { label: "Type", class: "wideonly", cell: (p) => p.data_product_type.replaceAll("_", " ") },
  { label: "Data", class: "number", cell: (p) => grouped(p.data_count) },
  { label: "", class: "tight wideonly", cell: (
    p,
  ) => [
    h("a", { class: "button small", href: local(p), download: true }, "Download"),
    " ",
    deletable && h("button", { type: "button", class: "small", onclick: () => deletable(p) }, "Delete"),
  ] },
];

// productRows shows the products of a target, newest first.
export async function productRows(place, target, deletable, offset = 0) {
  const limit = 20;
  const page = await get("/api/dataproducts/", { target_name: target.name, fields, limit, offset: offset || "" });
  // the filter by name also finds targets whose names contain this one
  const rows = await counted(page.results.filter((p) => p.target === target.id));
  fill(place, table({ columns: columns(deletable), rows, caption: "Data products", empty: "None yet." }),
    pager({ count: page.count, limit, offset, go: (to) => productRows(place, target, deletable, to) }));
}

// deleteProduct asks first, and says what is deleted with it.
export async function deleteProduct(p) {
  const data = p.data_count;
  return confirmed("Delete " + fileName(p) + "?", [
    h("p", {}, "The file is deleted for good" +
      (data
        ? ", and with it " + many(data, "datum", "datums") + ", except those that another file brought too."
        : ".")),
  ], "Delete", () => ask("/api/dataproducts/" + p.id + "/", { method: "DELETE" }));
}
