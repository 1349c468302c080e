// What a user can say about an uploaded file. Each file has its own fields, so that a value given for
// one file never applies to the next.
import { field, h, newID, select } from "./dom.js";

const types = ["auto", "photometry", "spectroscopy", "image_file", "fits_file"]; // a node may have more

// A field has the name of the part of the upload, a label and a help text, and optionally choices,
// suggestions, the value that it has at first, and asked: what a message says that asks for it, if
// that is not the field's name. Faults of single rows ask for a field with ofRows.
const uploadFields = [
  { name: "data_product_type", label: "Type", help: "auto decides by the content.", first: "auto", suggestions: types },
  { name: "date_obs", label: "Date of observation", help: "For a spectrum that has none: UTC, as ISO 8601 or MJD.",
    asked: /\bdate_obs\b|give the date/ },
  { name: "flux_scale", label: "Flux scale", help: "The factor by which fluxes and their errors are multiplied.",
    decimal: true },
  { name: "flux_unit", label: "Flux unit", help: "For photometry that has none, such as uJy." },
  { name: "zero_point", label: "Zero point", help: "The magnitude of a flux of 1, for photometry that has none.",
    decimal: true },
  { name: "images", label: "Images", help: "What the photometry was measured on, if the format does not say.",
    choices: [["", "as the format says"], ["difference", "difference images"], ["reduced", "reduced images"]] },
  { name: "bad_rows", label: "Rows that cannot be read", help: "What happens to the file.", ofRows: true,
    choices: [["", "refuse the file"], ["skip", "are left out and reported"]] },
  { name: "time_column", label: "Time column", help: "The column of photometry that has the time." },
  { name: "time_format", label: "Time format", help: "Such as mjd, jd, btjd, mjd_tt or jd-2450000." },
  { name: "columns", label: "Columns", help: "As JSON, by role, such as {\"magnitude\": \"m_corr\"}.",
    asked: /\bno column\b/ },
  { name: "product_id", label: "Product id", help: "A unique id of your choice." },
];

// askedBy returns the names of the fields that the errors and warnings of a report, or the messages
// of a refused request, ask for.
export function askedBy(report, refusal = {}) {
  const texts = [...(report?.errors ?? []), ...(report?.warnings ?? [])].map((m) =>
    typeof m === "string" ? m : (m.column ?? "") + " " + m.reason
  );
  const rows = report?.errors?.some((e) => e.line > 1);
  return uploadFields.filter((f) => {
    const asked = f.asked ?? new RegExp("\\b" + f.name + "\\b");
    return refusal?.[f.name] || (f.ofRows && rows) || texts.some((t) => asked.test(t));
  }).map((f) => f.name);
}

// fileFields are those of the fields that the node offers, for one file. values returns what the
// user gave, by name; changed is called after a change. Fields are in a section to unfold, those
// that show names in front of it.
export function fileFields(offered, changed) {
  const front = h("div", { class: "grid" }), rest = h("div", { class: "grid" }), made = new Map();
  const fold = h("details", {}, h("summary", {}, "What this file is"), rest);
  for (const f of uploadFields.filter((f) => offered.includes(f.name))) {
    const suggestions = f.suggestions && h("datalist", { id: newID() }, f.suggestions.map((value) =>
      h("option", { value })
    ));
    const control = f.choices
      ? select({ name: f.name, onchange: changed }, f.choices, "")
      : h("input", { name: f.name, value: f.first ?? "", list: suggestions?.id, autocomplete: "off",
        spellcheck: "false", inputmode: f.decimal ? "decimal" : null, onchange: changed });
    const box = field(f.label, control, { help: f.help });
    if (suggestions) box.append(suggestions);
    rest.append(box);
    made.set(f.name, { control, box, first: f.first ?? "" });
  }
  const element = h("fieldset", { class: "plain" }, front, fold);
  element.values = () => {
    const values = {};
    for (const [name, { control, first }] of made) {
      const value = control.value.trim();
      if (value && value !== first) values[name] = value;
    }
    return values;
  };
  // show moves fields to the front, and keeps the focus.
  element.show = (names) => {
    const at = document.activeElement;
    for (const name of names) {
      const box = made.get(name)?.box;
      if (box && box.parentElement !== front) front.append(box);
    }
    if (element.contains(at) && at !== document.activeElement) at.focus();
  };
  return element;
}

// givenText says in words what the user gave with a file, and the groups that were named; "" for
// nothing.
export function givenText(values, groups = []) {
  const parts = uploadFields.filter((f) => values[f.name]).map((f) => {
    const chosen = f.choices?.find(([value]) => value === values[f.name])?.[1];
    return f.label.toLowerCase() + " " + (chosen ?? values[f.name]);
  });
  if (groups.length) parts.push("seen by " + groups.join(", "));
  return parts.length ? "Given by you: " + parts.join(" · ") : "";
}
