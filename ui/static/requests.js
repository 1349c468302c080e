// A request as a user can repeat it: as a URL, for curl and for Python.
import { address } from "./api.js";
import { copyButton } from "./copy.js";
import { fill, h } from "./dom.js";

const shell = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
const python = (text) => JSON.stringify(String(text));
const secret = "YOUR_TOKEN";

// asCurl is a command line. It sends body, if there is one, as JSON.
export function asCurl(method, url, body) {
  const parts = ["curl --fail-with-body"];
  if (method !== "GET") parts.push("-X " + method);
  parts.push("-H " + shell("Authorization: Token " + secret));
  if (body !== undefined) parts.push("-H 'Content-Type: application/json' -d " + shell(JSON.stringify(body)));
  return [...parts, shell(url)].join(" ");
}

// literal writes a JSON value as a Python literal.
export function literal(value, indent = "") {
  const deeper = indent + "    ";
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return "[" + value.map((v) => literal(v, indent)).join(", ") + "]";
  if (typeof value === "object")
    return "{" +
      Object.entries(value).map(([k, v]) => "\n" + deeper + python(k) + ": " + literal(v, deeper) + ",").join("") +
      (Object.keys(value).length ? "\n" + indent : "") + "}";
  return typeof value === "string" ? python(value) : String(value);
}

// asPython is a program that uses the package requests. params are the parameters of the query.
export function asPython(method, url, params, body) {
  const lines = ["import requests", "", "answer = requests." + method.toLowerCase() + "(", "    " + python(url) + ","];
  if (Object.keys(params).length) lines.push("    params=" + literal(params, "    ") + ",");
  if (body !== undefined) lines.push("    json=" + literal(body, "    ") + ",");
  lines.push("    headers={" + python("Authorization") + ": " + python("Token " + secret) + "},", ")",
    "answer.raise_for_status()");
  if (method !== "DELETE")
    lines.push(params.format && params.format !== "json" ? "text = answer.text" : "data = answer.json()");
  return lines.join("\n");
}

const forms = [["URL", "url"], ["curl", "curl"], ["Python", "python"]];

// requestBox shows a request: method, path, parameters and an optional body. Its update shows
// another one.
export function requestBox() {
  let now = { method: "GET", path: "/", params: {} }, shown = "curl";
  const text = h("code", {}),
    tabs = forms.map(([label, name]) =>
      h("button", { type: "button", role: "tab", value: name, onclick: () => pick(name) }, label)
    );
  const write = () => {
    const params = Object.fromEntries(
      Object.entries(now.params ?? {}).filter(([, v]) => v !== "" && v !== null && v !== undefined && v.length !== 0),
    );
    const url = location.origin + address(now.path, params);
    const said = { url: () => url, curl: () => asCurl(now.method, url, now.body),
      python: () => asPython(now.method, location.origin + now.path, params, now.body) };
    fill(text, said[shown]());
  };
  const pick = (name) => {
    shown = name;
    for (const t of tabs) t.setAttribute("aria-selected", String(t.value === name));
    write();
  };
  const element = h("section", { class: "request", "aria-label": "The request" },
    h("div", { class: "row" }, h("div", { class: "tabs", role: "tablist" }, tabs),
      copyButton(() => text.textContent, "Copy", "the request"),
      h("span", { class: "help wideonly" }, "A token is made under ", h("a", { href: "/account/" }, "your account"),
        ".")), h("pre", {}, text));
  element.update = (request) => {
    now = { method: "GET", params: {}, ...request };
    write();
  };
  pick(shown);
  return element;
}
