// Showing the API's error messages at their fields.
import { h } from "./dom.js";

// showProblems writes the messages of an error beside the fields of a form, and the others into the
// form's alert. It returns the first field with a message.
export function showProblems(form, error) {
  clearProblems(form);
  const rest = [];
  let first = null;
  const at = (path, messages) => {
    const box = form.querySelector("[data-field=\"" + CSS.escape(path) + "\"]");
    if (!box) return false;
    const note = box.querySelector(".error");
    note.textContent = [note.textContent, ...messages].filter(Boolean).join(" ");
    const control = box.querySelector("input, select, textarea");
    control?.setAttribute("aria-invalid", "true");
    first ??= control;
    return true;
  };
  // walk names messages by field and position: {"aliases": [{}, {"name": ["..."]}]} is
  // aliases.1.name
  const walk = (body, path) => {
    if (body === null || body === undefined) return;
    if (typeof body !== "object") {
      if (!path || !at(path, [String(body)])) rest.push((path ? path.replaceAll(/[._]/g, " ") + ": " : "") + body);
    } else if (Array.isArray(body)) {
      const texts = body.filter((b) => typeof b !== "object");
      if (texts.length && (!path || !at(path, texts)))
        rest.push((path ? path.replaceAll(/[._]/g, " ") + ": " : "") + texts.join(" "));
      body.forEach((b, i) => typeof b === "object" && walk(b, path + "." + i));
    } else {
      for (const [key, value] of Object.entries(body)) {
        if (key === "report") continue;
        walk(value, ["non_field_errors", "detail"].includes(key) ? path : path ? path + "." + key : key);
      }
    }
  };
  if (error.fields && typeof error.fields === "object") walk(error.fields, "");
  else rest.push(error.message);
  const alert = form.querySelector("[role=alert]");
  alert?.replaceChildren(...rest.map((text) => h("span", {}, text, " ")));
  (first ?? alert)?.scrollIntoView({ block: "nearest" });
  first?.focus();
  return first;
}

export function clearProblems(form) {
  form.querySelectorAll(".error").forEach((e) => e.replaceChildren());
  form.querySelectorAll("[aria-invalid]").forEach((e) => e.removeAttribute("aria-invalid"));
  form.querySelector("[role=alert]")?.replaceChildren();
}
