// The data products.
import { h } from "../dom.js";
import { explorer, targetLinks } from "../explorer.js";
import { columns, counted, deleteProduct, fields } from "../products.js";

export async function show(main, who) {
  await explorer(main, {
    heading: "Data products",
    path: "/api/dataproducts/",
    things: ["product", "products"],
    limit: 20,
    fields,
    rows: counted,
    columns: async (rows, again) => {
      const target = await targetLinks(rows),
        [file, ...others] = columns(who.signed_in && (async (p) => (await deleteProduct(p)) && again()));
      return [file, { label: "Target", class: "wide", cell: (p) => target(p.target) }, { label: "Product id",
        class: "wideonly wide", cell: (p) => p.product_id ?? h("span", { class: "faint" }, "–") }, ...others];
    },
  });
}
