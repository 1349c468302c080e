// A form of a list's filters, as OPTIONS describes them.
import { field, h, later, select } from "./dom.js";

const notHere = ["format", "strict", "limit", "offset", "cursor", "pagination_style", "fields"];

// filterForm is a form of the filters that OPTIONS describes, filled with values. It calls changed
// with new values soon after they are typed.
export function filterForm(filters, values, changed, { leaveOut = [] } = {}) {
  const controls = Object.entries(filters).filter(([name]) => !notHere.includes(name) && !leaveOut.includes(name))
    .map(([name, f]) => control(name, f, values[name]));
  const form = h("form", { class: "grid", role: "search", onsubmit: (event) => event.preventDefault() }, controls);
  form.values = () => valuesOf(form, filters);
  const tell = () => changed(form.values());
  form.addEventListener("input", later(200, tell));
  return form;
}

function control(name, f, value) {
  const label = h("code", {}, name);
  if (f.choices?.length)
    return field(label, select({ name }, [["", "any"], ...f.choices.map((c) => [c, c])], value), { help: f.help_text });
  if (f.type === "boolean")
    return field(label, select({ name }, [["", "no"], ["true", "yes"]], value), { help: f.help_text });
  const kind =
    { integer: { inputmode: "numeric" }, float: { inputmode: "decimal" },
      datetime: { placeholder: "2024-01-31" } }[f.type];
  return field(label,
    h("input", { name, value: [value ?? ""].flat().join(", "), autocomplete: "off", spellcheck: "false", ...kind }), {
    help: f.help_text,
  });
}

function valuesOf(form, filters) {
  const values = {};
  for (const [name, text] of new FormData(form)) {
    const trimmed = text.trim();
    if (trimmed) values[name] = filters[name].many ? trimmed.split(/\s*,\s*/).filter(Boolean) : trimmed;
  }
  return values;
}

// given reads a list's filters from the page's address.
export function given(names) {
  const query = new URLSearchParams(location.search), values = {};
  for (const name of names) {
    const all = query.getAll(name).filter(Boolean);
    if (all.length) values[name] = all.length === 1 ? all[0] : all;
  }
  return values;
}
