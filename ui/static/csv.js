// Comma-separated values, RFC 4180.

const cell = (v) => {
  const s = v === null || v === undefined ? "" : String(v);
  return /[",\r\n]/.test(s) ? "\"" + s.replaceAll("\"", "\"\"") + "\"" : s;
};

// writeCSV writes a table from a header and rows.
export const writeCSV = (names, rows) => [names, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");

// writeECSV writes an ECSV 1.0 table (astropy APE 6). A column has a name, and optionally unit,
// description and text (its cells are strings).
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
