// Importing targets from a CSV file. The page shows the beginning of the file before it is sent;
// the server reads it.
import { ask, reason } from "../api.js";
import { fill, h } from "../dom.js";
import { failed } from "../notice.js";
import { title } from "../shell.js";
import { many, size } from "../text.js";

export async function show(main, who) {
  title("Import targets");
  if (!who.signed_in) {
    fill(main, h("h1", {}, "Import targets"),
      h("p", {}, h("a", { href: "/accounts/login/?next=/targets/import/" }, "Sign in"), " to import targets."));
    return;
  }
  const found = h("div", { "aria-live": "polite" });
  const take = async (file) => {
    if (!file) return;
    try {
      preview(found, file, await file.slice(0, shownBytes).text());
    } catch (error) {
      fill(found, h("p", { role: "alert" }, file.name + ": " + error.message));
    }
  };
  const input = h("input", { type: "file", accept: ".csv,text/csv", class: "offscreen", "aria-label": "Choose a file",
    onchange: () => take(input.files[0]) });
  const drop = h("div", { class: "drop", ondragover: (event) => {
    event.preventDefault();
    drop.classList.add("over");
  }, ondragleave: () => drop.classList.remove("over"), ondrop: (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  } },
    h("p", {}, "Drop a CSV file here, or ", h("button", { type: "button", onclick: () => input.click() }, "choose it"),
      input));
  fill(main,
    h("div", { class: "bar" }, h("h1", {}, "Import targets"),
      h("a", { class: "button", href: "/targets/" }, "Back to the targets")),
    h("div", { class: "card" }, drop,
      h("p", { class: "help" }, "The first line names the columns, as a TOM exports them: ",
        h("code", {}, "name, name2, type, ra, dec, permissions, groups"), " and the other numbers of a target. Only ",
        h("code", {}, "name"), " must be there, with ", h("code", {}, "ra"), " and ", h("code", {}, "dec"), " or a ",
        h("code", {}, "type"), "; coordinates may be degrees or sexagesimal. Other columns become tags.")), found);
}

// shownBytes and shownLines limit how much of a file is shown before it is sent.
const shownBytes = 8192, shownLines = 10;

function preview(place, file, start) {
  const answer = h("div", {}), button = h("button", { type: "button", class: "main", onclick: async () => {
    button.disabled = true;
    try {
      result(answer, await ask("/api/targets/", { method: "POST", body: file, type: "text/csv" }));
    } catch (error) {
      failed(error);
      button.disabled = false;
    }
  } }, "Import targets");
  fill(place,
    h("section", { class: "card" }, h("div", { class: "bar" }, h("h2", {}, file.name + ", " + size(file.size)), button),
      answer, h("pre", { class: "answer" }, start.split("\n").slice(0, shownLines).join("\n"))));
}

function result(place, answer) {
  const notes = answer.notes.map((n) =>
    h("p", { class: "warn" }, (n.line ? "Line " + n.line + ": " : "") + n.text + ".")
  );
  const shown = notes.slice(0, 20), rest = notes.length + answer.more_notes - shown.length;
  fill(place,
    h("p", { class: "good" }, many(answer.created, "target") + " imported. ",
      h("a", { href: "/targets/?order=-id" }, "See them")), shown,
    rest > 0 && h("p", { class: "warn" }, "and " + many(rest, "note") + " more"), answer.rejected > 0 &&
    h("div", { class: "warn" }, h("h3", {}, many(answer.rejected, "line") + " left out"),
      h("ul", {}, answer.problems.map((p) => h("li", {}, h("b", {}, "Line " + p.line + ": "), reason(p.errors))))));
}
