// Importing targets from a CSV file: what was read is shown before it is sent.
import { ask, reason } from "../api.js";
import { fill, h } from "../dom.js";
import { failed } from "../notice.js";
import { title } from "../shell.js";
import { table } from "../table.js";
import { readTargets } from "../targetcsv.js";
import { many, short } from "../text.js";

export async function show(main, who) {
  title("Import targets");
  if (!who.signed_in) {
    fill(main, h("h1", {}, "Import targets"), h("p", {}, h("a", { href: "/accounts/login/?next=/targets/import/" }, "Sign in"), " to import targets."));
    return;
  }
  const options = await ask("/api/targets/", { method: "OPTIONS" }), fields = options.actions?.POST ?? {};
  const numbers = Object.keys(fields).filter((n) => fields[n].type === "float");
  const found = h("div", { "aria-live": "polite" });
  const take = async (file) => {
    if (!file) return;
    try {
      preview(found, file.name, readTargets(await file.text(), numbers));
    } catch (error) {
      fill(found, h("p", { role: "alert" }, file.name + ": " + error.message));
    }
  };
  const input = h("input", { type: "file", accept: ".csv,text/csv", class: "offscreen", "aria-label": "Choose a file", onchange: () => take(input.files[0]) });
  const drop = h("div", { class: "drop", ondragover: (event) => {
    event.preventDefault();
    drop.classList.add("over");
  }, ondragleave: () => drop.classList.remove("over"), ondrop: (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  } }, h("p", {}, "Drop a CSV file here, or ", h("button", { type: "button", onclick: () => input.click() }, "choose it"), input));
  fill(main, h("div", { class: "bar" }, h("h1", {}, "Import targets"), h("a", { class: "button", href: "/targets/" }, "Back to the targets")),
    h("div", { class: "card" }, drop, h("p", { class: "help" }, "The first line names the columns, as a TOM exports them: ", h("code", {}, "name, name2, type, ra, dec, permissions, groups"), " and the other numbers of a target. Only ", h("code", {}, "name"), ", ", h("code", {}, "ra"), " and ", h("code", {}, "dec"),
      " must be there; coordinates may be degrees or sexagesimal. Other columns become tags.")), found);
}

function preview(place, name, read) {
  const answer = h("div", {}), button = h("button", { type: "button", class: "main", onclick: async () => {
    button.disabled = true;
    try {
      const body = read.targets.map((t) => JSON.stringify(t) + "\n").join("");
      result(answer, read, await ask("/api/targets/", { method: "POST", body, type: "application/x-ndjson" }));
    } catch (error) {
      failed(error);
      button.disabled = false;
    }
  } }, "Import " + many(read.targets.length, "target"));
  const columns = [["name", "Name"], ["aliases", "Other names"], ["type", "Type"], ["ra", "RA"], ["dec", "Dec"], ["permissions", "Seen by"], ["targetextra_set", "Tags"]].filter(([key]) => read.targets.some((t) => t[key] !== undefined));
  const cell = (t, key) => (key === "aliases" ? (t.aliases ?? []).map((a) => a.name).join(", ") : key === "targetextra_set" ? (t.targetextra_set ?? []).map((e) => h("span", { class: "tag" }, h("b", {}, e.key), " ", e.value)) : typeof t[key] === "number" ? String(Number(t[key].toFixed(7))) : short(t[key]));
  fill(place, h("section", { class: "card" }, h("div", { class: "bar" }, h("h2", {}, name + ": " + many(read.targets.length, "target")), button),
    read.notes.slice(0, 20).map((n) => h("p", { class: "warn" }, n)), answer,
    table({ caption: "What was read", rows: read.targets.slice(0, 20), columns: columns.map(([key, label]) => ({ label, cell: (t) => cell(t, key) })) }), read.targets.length > 20 && h("p", { class: "faint" }, "These are the first 20.")));
}

function result(place, read, answer) {
  fill(place, h("p", { class: "good" }, many(answer.created, "target") + " imported. ", h("a", { href: "/targets/?order=-id" }, "See them")),
    answer.rejected > 0 && h("div", { class: "warn" }, h("h3", {}, many(answer.rejected, "line") + " left out"), h("ul", {}, answer.problems.map((p) => h("li", {}, h("b", {}, "Line " + (read.lines[p.line - 1] ?? p.line) + ", " + (read.targets[p.line - 1]?.name ?? "") + ": "), reason(p.errors))))));
}
