// Comma-separated values, RFC 4180.

// CSVReader takes texts as they come and gives rows, each a list of cells with the number of its first line.
export class CSVReader {
  #rest = "";
  #line = 1;

  // push gives the rows that a text completes; last says that it was the last one.
  push(text, last = false) {
    const s = this.#rest + text, rows = [];
    let at = 0, start = 0;
    let cells = [], lines = 0;
    while (at < s.length) {
      let cell = "";
      if (s[at] === '"') {
        let end = at + 1;
        while ((end = s.indexOf('"', end)) >= 0 && s[end + 1] === '"') end += 2;
        if (end < 0 || (end === s.length - 1 && !last)) break; // the cell, or whether it has ended, comes with the next text
        cell = s.slice(at + 1, end).replaceAll('""', '"');
        lines += cell.split("\n").length - 1;
        at = end + 1;
      }
      const stop = nextStop(s, at);
      if (stop === s.length && !last) break;
      cell += s.slice(at, stop);
      at = stop;
      if (s[at] === ",") {
        cells.push(cell);
        at++;
        if (at === s.length && last) cells.push("");
        else continue;
      } else {
        if (s[at] === "\r" && at === s.length - 1 && !last) break;
        cells.push(cell);
        at += s[at] === "\r" && s[at + 1] === "\n" ? 2 : 1;
      }
      if (cells.length > 1 || cells[0] !== "") rows.push({ line: this.#line, cells });
      this.#line += lines + 1;
      cells = [];
      lines = 0;
      start = at;
    }
    this.#rest = s.slice(start);
    return rows;
  }
}

function nextStop(s, at) {
  while (at < s.length) {
    const c = s.charCodeAt(at);
    if (c === 44 || c === 10 || c === 13) return at;
    at++;
  }
  return at;
}

const cell = (v) => {
  const s = v === null || v === undefined ? "" : String(v);
  return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
};

// writeCSV makes a table of a header and rows.
export const writeCSV = (names, rows) => [names, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");

// writeECSV makes an ECSV 1.0 table (astropy APE 6). columns have name, and perhaps unit, description and text (its cells are texts).
export function writeECSV(columns, rows) {
  const lines = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"];
  for (const c of columns) {
    const parts = ["name: " + JSON.stringify(c.name)];
    if (c.unit) parts.push("unit: " + JSON.stringify(c.unit));
    parts.push("datatype: " + (c.text ? "string" : "float64"));
    if (c.description) parts.push("description: " + JSON.stringify(c.description));
    lines.push("- {" + parts.join(", ") + "}");
  }
  return lines.map((l) => "# " + l + "\n").join("") + writeCSV(columns.map((c) => c.name), rows);
}
