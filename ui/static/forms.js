// A form of the fields that may be sent, as OPTIONS describes them.
import { field, h, select } from "./dom.js";
import { clearProblems, showProblems } from "./problems.js";

// fieldForm is a form of fields. It calls send with the values, as JSON or, with a file, as form
// data, and done with the answer. values are the initial values; file adds a control for an upload.
export function fieldForm(fields, { verb, send, done = () => {}, values = {}, file = false, danger = false }) {
  const asked = Object.entries(fields).filter(([, f]) => !f.read_only && f.type !== "file upload");
  const button = h("button", { class: danger ? "danger" : "main" }, verb);
  return h("form", { class: "stack", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const form = event.target;
    clearProblems(form);
    button.disabled = true;
    try {
      done(await send(file ? formData(form, asked) : collect(form, asked)));
    } catch (error) {
      showProblems(form, error);
    } finally {
      button.disabled = false;
    }
  } },
    h("div", { class: "grid" }, file && field("file", h("input", { type: "file", name: "file" })),
      asked.map(([name, f]) => control(name, f, values[name]))), h("p", { role: "alert" }), h("div", {}, button));
}

// isJSON reports whether a field takes any JSON. OPTIONS has no other mark that tells it from a
// reference.
const isJSON = (name) => name === "value" || name.endsWith("parameters");

function control(name, f, value) {
  const label = f.label + (f.required ? " *" : ""),
    help = [
      f.help_text,
      f.type === "field" && (f.child
        ? "A JSON list of objects with " + Object.keys(f.child.children).join(", ") + "."
        : isJSON(name)
        ? !/JSON/.test(f.help_text) && "JSON."
        : "An id."),
      f.type === "datetime" && "ISO 8601" + (/UTC/.test(f.help_text) ? "." : ", in UTC unless it says otherwise."),
    ].filter(Boolean).join(" ");
  const shown = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : value;
  if (f.choices)
    return field(label, select({ name }, [["", "–"], ...f.choices.map((c) => [c.value, c.display_name])], shown), {
      help,
    });
  if (f.type === "boolean")
    return field(label, select({ name }, [["", "–"], ["true", "yes"], ["false", "no"]], String(shown)), { help });
  if (f.type === "field" && (f.child || isJSON(name)))
    return field(label, h("textarea", { name, rows: 3, spellcheck: "false", class: "mono", value: shown }), { help });
  const secret = /password/.test(name);
  return field(label,
    h("input", { name, value: shown, maxlength: f.max_length, type: secret ? "password" : "text",
      autocomplete: secret ? "new-password" : "off", spellcheck: "false",
      inputmode: ["integer", "float"].includes(f.type) ? "decimal" : null }), { help });
}

// collect returns the fields that are filled in; empty ones are not sent.
function collect(form, asked) {
  const values = {};
  for (const [name, f] of asked) {
    const text = form.elements[name].value;
    if (text.trim() === "") continue;
    if (f.type === "boolean") values[name] = text === "true";
    else if (f.type === "field" || f.type === "list") values[name] = json(text);
    else values[name] = text; // the API reads numbers from text, and refuses other text
  }
  return values;
}

// json parses a text as JSON. Other text is sent as a string, and the API says what is wrong.
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function formData(form, asked) {
  const data = new FormData();
  for (const [name] of asked) if (form.elements[name].value.trim() !== "") data.set(name, form.elements[name].value);
  if (form.elements.file.files[0]) data.set("file", form.elements.file.files[0]);
  return data;
}
