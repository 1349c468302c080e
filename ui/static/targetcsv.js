// Targets from a CSV file, as a TOM exports them: name, name2 and so on, type, ra, dec, other numbers of a target, permissions, groups; every other column becomes a tag.
import { parseDec, parseRA } from "./angles.js";
import { CSVReader } from "./csv.js";

const own = ["id", "created", "modified"]; // the archive gives its own
const texts = ["name", "type", "scheme", "permissions"];

// readTargets gives {targets, lines, notes}: what can be sent as lines of JSON, the line of the file for each, and what was done on the way. numbers are the names of a
// target's numbers. It throws an Error when the file is no such table.
export function readTargets(text, numbers) {
  const rows = new CSVReader().push(text.replace(/^\ufeff/, ""), true);
  if (rows.length === 0) throw new Error("The file is empty.");
  const columns = rows[0].cells.map((c) => c.trim());
  if (!columns.includes("name")) throw new Error("There is no column called name.");
  const twice = columns.find((c, i) => c && columns.indexOf(c) < i);
  if (twice) throw new Error("The column " + twice + " is there twice.");
  const notes = own.filter((c) => columns.includes(c)).map((c) => "The column " + c + " is not taken over: the archive gives its own.");
  const targets = [], lines = [];
  for (const { line, cells } of rows.slice(1)) {
    if (cells.length !== columns.length) throw new Error("Line " + line + " has " + cells.length + " cells, the header " + columns.length + ".");
    targets.push(targetOf(columns, cells.map((c) => c.trim()), numbers, (note) => notes.push("Line " + line + ": " + note)));
    lines.push(line);
  }
  return { targets, lines, notes, columns };
}

function targetOf(columns, cells, numbers, note) {
  const t = {};
  const add = (key, item) => (t[key] ??= []).push(item);
  columns.forEach((column, i) => {
    const cell = cells[i];
    if (!cell || !column || own.includes(column)) return;
    if (column === "ra") t.ra = rightAscension(cell, note);
    else if (column === "dec") t.dec = parseDec(cell) ?? cell;
    else if (texts.includes(column) || numbers.includes(column)) t[column] = cell;
    else if (/^name([2-9]|[1-9]\d+)$/.test(column)) add("aliases", { name: cell });
    else if (column === "groups") cell.split(/[,;]/).map((g) => g.trim()).filter(Boolean).forEach((name) => add("groups", { name }));
    else add("targetextra_set", { key: column, value: cell });
  });
  if (!t.type && t.ra !== undefined && t.dec !== undefined) t.type = "SIDEREAL";
  return t;
}

// rightAscension takes degrees outside of the circle around it, and says so.
function rightAscension(cell, note) {
  const ra = parseRA(cell);
  if (ra !== null) return ra;
  const n = Number(cell);
  if (!Number.isFinite(n)) return cell; // the archive refuses it
  const around = ((n % 360) + 360) % 360;
  note("ra " + cell + " is taken as " + around + ".");
  return around;
}
