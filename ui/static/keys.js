// Keyboard shortcuts of one letter each, off while the user types.
import { h } from "./dom.js";
import { nextLook } from "./looks.js";
import { dialogue } from "./notice.js";

const list = [
  ["/", "Search", search],
  ["j", "Next row", () => step(1)],
  ["k", "Previous row", () => step(-1)],
  ["Enter", "Open the row", null],
  ["t", "Targets", () => location.assign("/targets/")],
  ["p", "Data products", () => location.assign("/dataproducts/data/")],
  ["d", "Data", () => location.assign("/reduceddatums/")],
  ["n", "Add a target", () => location.assign("/targets/create/")],
  ["l", "Next look: light, dark, night", nextLook],
  ["?", "Show these keys", help],
];
const inPlots = [
  ["+ −", "Zoom"],
  ["← → ↑ ↓", "Move"],
  [", .", "Point before and after"],
  ["0", "Reset zoom"],
];

let ready = false;

export function keys() {
  if (ready) return;
  ready = true;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target) ||
      document.querySelector("dialog[open]")) return;
    const found = list.find(([key, , run]) => run && key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}

const typing = (element) =>
  element.isContentEditable ||
  (element.matches("input, textarea, select") && !element.matches("[type=checkbox], [type=radio], [type=range]"));

function search() {
  const field = document.querySelector("[data-search]");
  if (field) field.select();
  else location.assign("/targets/?search=");
}

// step moves the focus to the first link of the next or previous row.
function step(by) {
  const rows = [...document.querySelectorAll("tbody tr")].filter((row) => row.querySelector("a, button"));
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement?.closest("tr"));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  row.querySelector("a, button").focus();
  row.scrollIntoView({ block: "nearest" });
}

function help() {
  const row = ([key, what]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, what));
  dialogue("Keys", h("table", { class: "keys" }, h("tbody", {}, list.map(row))),
    h("h3", {}, "In a plot that has the focus"), h("table", { class: "keys" }, h("tbody", {}, inPlots.map(row))));
}
