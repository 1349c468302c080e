// The report of an upload, as the API gives it.
import { h } from "./dom.js";
import { grouped, many } from "./text.js";

// place says where in the file a problem is.
function place(p) {
  const parts = [p.hdu && "HDU " + p.hdu, p.line && "line " + p.line, p.column && "column " + p.column].filter(Boolean);
  return parts.length ? h("b", {}, parts.join(", "), ": ") : null;
}

const list = (title, kind, items, more = 0) =>
  items?.length > 0 &&
  h("div", { class: kind }, h("h3", {}, title),
    h("ul", {}, items.slice(0, 50).map((p) => h("li", {}, typeof p === "string" ? p : [place(p), p.reason])),
      (items.length > 50 || more > 0) &&
        h("li", {}, "and " + grouped(Math.max(items.length - 50, 0) + more) + " more")));

// report shows a report; preview means that nothing has been stored.
export function report(r, preview = false) {
  if (!r) return null;
  const counts = [
    many(r.rows, "row") + " read",
    r.created > 0 && many(r.created, "datum", "datums") + (preview ? " would be stored" : " stored"),
    r.duplicate > 0 && grouped(r.duplicate) + " already stored",
    r.rejected_count > 0 && grouped(r.rejected_count) + " left out",
  ].filter(Boolean);
  return h("div", { class: "report" },
    r.recognised && h("p", {}, "Recognised as " + r.recognised + "."),
    h("p", {}, h("b", {}, r.format || "The format was not recognised"), " · ", counts.join(" · ")),
    list("Errors", "bad", r.errors), list("Warnings", "warn", r.warnings),
    list("Rows that were left out", "warn", r.rejected, r.rejected_count - (r.rejected?.length ?? 0)),
    r.columns?.length > 0 &&
      h("details", {}, h("summary", {}, many(r.columns.length, "column")),
        h("table", {},
          h("thead", {}, h("tr", {}, ["In the file", "Read as", "Unit"].map((t) => h("th", { scope: "col" }, t)))),
          h("tbody", {},
            r.columns.map((c) =>
              h("tr", {}, h("td", {}, c.name), h("td", {}, c.role || "kept as it is"), h("td", {}, c.unit))
            )))));
}
