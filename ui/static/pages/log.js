// The log: who changed what, when and from where. For superusers.
import { fill, h } from "../dom.js";
import { explorer } from "../explorer.js";
import { dialogue } from "../notice.js";
import { title } from "../shell.js";
import { when } from "../table.js";
import { ago, grouped, many } from "../text.js";

// where the rows of a table are shown
const places = { targets: (id) => "/targets/" + id + "/", dataproducts: (id) => "/dataproducts/data/" + id + "/",
  reduceddatums: (id) => "/api/reduceddatums/" + id + "/", observations: (id) => "/api/observations/" + id + "/" };

export async function show(main, who) {
  if (!who.superuser) {
    title("Log");
    fill(main, h("h1", {}, "Log"), h("p", {}, "Only superusers see who changed what."));
    return;
  }
  await explorer(main, {
    heading: "Log",
    path: "/api/log/",
    things: ["entry", "entries"],
    columns: () => [
      { label: "UTC", class: "tight",
        cell: (e) =>
          h("button", { type: "button", class: "link", title: ago(e.time), onclick: () => details(e) }, when(e.time)) },
      { label: "User", cell: (e) => e.user || h("span", { class: "faint" }, "the node") },
      { label: "Address", class: "wideonly", cell: (e) => e.address },
      { label: "Request", class: "wide wideonly", cell: (e) => h("span", { class: "mono" }, e.action) },
      { label: "Changed", class: "wide", cell: (e) => summary(e) },
    ],
  });
}

function summary(e) {
  const parts = e.changes.map((
    c,
  ) => [
    grouped(c.count) + " " + (c.count === 1 ? c.table.replace(/s$/, "") : c.table) + " " + c.operation,
    c.count === 1 && c.operation !== "deleted" && places[c.table] &&
    [" (", h("a", { href: places[c.table](c.ids[0]) }, c.ids[0]), ")"],
  ]).concat(e.settings.map((s) => "setting " + s.name));
  return parts.map((p, i) => [i > 0 && ", ", p]);
}

function details(e) {
  const row = (k, v) => [h("dt", {}, k), h("dd", {}, v)];
  dialogue("Entry " + e.sequence,
    h("dl", {}, row("UTC", e.time.replace("T", " ").replace("Z", "")), row("User", e.user || "the node"),
      row("Address", e.address || "–"), row("Token", String(e.token ?? "–")), row("Request", e.action),
      e.changes.map((c) =>
        row(c.table + " " + c.operation, [
          many(c.count, "row") + ": ",
          c.ids.join(", ") + (c.count > c.ids.length ? " …" : ""),
        ])
      ), e.settings.map((s) => row("setting " + s.name, "was " + (s.before || "the default"))),
      row("Hash", h("span", { class: "mono" }, e.hash)),
      row("Previous hash", h("span", { class: "mono" }, e.previous))));
}
