// Tables of lists, with column heads that sort, and paging.
import { h } from "./dom.js";
import { dateText, grouped, moment, undated } from "./text.js";

// when is a time in a cell. It breaks only between date and time.
export const when = (iso) =>
  moment(iso).split(" ").map((part, i) => [i > 0 && " ", h("span", { class: "unbroken" }, part)]);

// dated is the time of a datum in a cell, or that its date is unknown.
export const dated = (d) => (undated(d) ? h("span", { class: "faint" }, dateText(d)) : when(d.timestamp));

// table shows rows. A column has a label, cell(row), which returns the cell's content, and
// optionally a class and sort, the name of its order in the API. order is the current order, with
// "-" before it if descending. sorted is called with a new one.
export function table({ columns, rows, order = "", sorted, caption, empty = "Nothing here.", mark }) {
  const head = columns.map((c) => {
    if (!c.sort || !sorted) return h("th", { scope: "col", class: c.class }, c.label);
    const now = order === c.sort ? "ascending" : order === "-" + c.sort ? "descending" : null;
    return h("th", { scope: "col", class: c.class, "aria-sort": now ?? "none" },
      h("button", { type: "button", class: "sort", onclick: () => sorted(now === "ascending" ? "-" + c.sort : c.sort) },
        c.label));
  });
  const body = rows.map((row, i) => {
    const tr = h("tr", {},
      columns.map((c) => h("td", { class: c.class, dataset: { label: c.label } }, c.cell(row, i))));
    mark?.(tr, row, i);
    return tr;
  });
  return h("div", { class: "scroll", tabindex: rows.length ? 0 : null, role: rows.length ? "region" : null,
    "aria-label": rows.length ? caption : null }, rows.length === 0
    ? h("p", { class: "empty" }, empty)
    : h("table", {}, caption && h("caption", { class: "offscreen" }, caption), h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, body)));
}

// pager goes from page to page. It calls go with the offset.
export function pager({ count, limit, offset, go }) {
  if (count <= limit && offset === 0) return h("p", { class: "pager" });
  const button = (label, to, off) => h("button", { type: "button", disabled: off, onclick: () => go(to) }, label);
  const last = Math.floor((count - 1) / limit) * limit;
  return h("p", { class: "pager" }, button("First", 0, offset === 0),
    button("Previous", Math.max(offset - limit, 0), offset === 0),
    h("span", {},
      grouped(Math.min(offset + 1, count)) + "–" + grouped(Math.min(offset + limit, count)) + " of "
        + grouped(count)),
    button("Next", offset + limit, offset + limit >= count), button("Last", last, offset + limit >= count));
}
