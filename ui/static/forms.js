// A form made of what OPTIONS says of the fields that may be sent.
import { field, h, select } from "./dom.js";
import { clearProblems, showProblems } from "./problems.js";

// fieldForm asks for fields. send is given the values, as JSON or, where there is a file, as a form; done is told the answer. values are what is there already, file adds a
// control for the file of an upload.
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

// isJSON says whether a field takes any JSON: OPTIONS tells it apart from a reference by nothing else.
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
      f.type === "datetime" && "ISO 8601" + (/UTC/.test(f.help_text) ? "." : ", UTC if nothing is said."),
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

// collect takes what was filled in; what was left empty is not sent.
function collect(form, asked) {
  const values = {};
  for (const [name, f] of asked) {
    const text = form.elements[name].value;
    if (text.trim() === "") continue;
    if (f.type === "boolean") values[name] = text === "true";
    else if (f.type === "field" || f.type === "list") values[name] = json(text);
    else values[name] = text; // the API reads numbers from text and says what is none
  }
  return values;
}

// json is a text as JSON, or as a text if it is none: the API says what is wrong with it.
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
