// The API in a browser: adds links, paging, a form of the filters and forms for writing to the
// pages that package api serves.
import { address, ask } from "./api.js";
import { fill, h } from "./dom.js";
import { filterForm, given } from "./filters.js";
import { fieldForm } from "./forms.js";
import { confirmed, failed } from "./notice.js";
import { requestBox } from "./requests.js";
import { session } from "./session.js";
import { shell } from "./shell.js";
import { grouped } from "./text.js";

const path = location.pathname.endsWith("/") ? location.pathname : location.pathname + "/";
const answer = document.getElementById("answer"), tools = document.getElementById("tools");

// linked turns the addresses of this node in a text into links.
function linked(text) {
  const parts = text.split(/("https?:\/\/[^"\s]+"|"\/(?:api|data)\/[^"\s]*")/);
  return parts.map((part) => {
    const url = /^"(?:https?:\/\/[^/]+)?\/(?:api|data)\//.test(part)
      ? new URL(JSON.parse(part), location.origin)
      : null;
    // the browser may use another host name than the node's own links
    return url ? ["\"", h("a", { href: url.pathname + url.search }, part.slice(1, -1)), "\""] : part;
  });
}

// enrich adds the parts of the page that need a script.
async function enrich() {
  const text = answer.textContent, body = parse(text);
  fill(answer, linked(text));
  const who = await session(), title = document.title;
  shell(who, "/api/");
  document.title = title;
  const reply = await fetch(path, { method: "OPTIONS",
    headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!reply.ok) return;
  const options = await reply.json(), allowed = (reply.headers.get("Allow") ?? "").split(", ");
  bar(options, allowed, body);
  fill(tools, options.filters && queries(options.filters), h("div", { id: "writes" }, writes(options, allowed, body)));
  document.documentElement.dataset.shown = "true";
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// bar is the row of buttons: OPTIONS, and the pages of a list.
function bar(options, allowed, body) {
  const heading = document.querySelector("h1"),
    formats = options.filters?.format?.choices?.filter((f) => f !== "api") ?? ["json"];
  const at = (changes) => {
    const query = new URLSearchParams(location.search);
    for (const [k, v] of Object.entries(changes)) query.set(k, v);
    return path + "?" + query;
  };
  const row = h("div", { class: "bar" });
  heading.replaceWith(row);
  fill(row, heading,
    allowed.includes("GET") && h("a", { class: "button", href: location.pathname + location.search }, "GET"),
    h("button", { type: "button", id: "options", onclick: () => {
      fill(answer, JSON.stringify(options, null, 2));
      fill(document.getElementById("status"), "OPTIONS: methods, fields and filters of this address");
    } }, "OPTIONS"),
    allowed.includes("GET") && h("span", { class: "row" }, formats.map((f) => h("a", { href: at({ format: f }) }, f))));
  if (body && typeof body.count === "number") {
    const page = (label, url) =>
      h("a", { class: "button small", href: url ? new URL(url).pathname + new URL(url).search : null,
        "aria-disabled": url ? null : "true" }, label);
    answer.before(
      h("div", { class: "row", id: "pages" }, page("Previous", body.previous), page("Next", body.next),
        h("span", { class: "faint" }, grouped(body.count) + " in all")),
    );
  }
}

// queries is a form of the filters, with the request that it makes.
function queries(filters) {
  const names = Object.keys(filters), first = given(names), request = requestBox();
  const show = (values) => request.update({ path, params: { ...values, strict: "true" } });
  const form = filterForm(filters, first, show);
  form.append(h("div", {}, h("button", { class: "main" }, "Send")));
  form.addEventListener("submit", () => location.assign(address(path, form.values())));
  show(first);
  const few = form.querySelectorAll(".field").length === 0;
  return h("section", { class: "card" }, few ? h("h2", {}, "The request") : h("h2", {}, "Filters"), request,
    !few && form);
}

// writes are the forms of the methods that the address accepts.
function writes(options, allowed, body) {
  const fields = Object.values(options.actions ?? {})[0], forms = [];
  const sends = ["POST", "PUT", "PATCH"].filter((m) => allowed.includes(m));
  if (sends.length > 0 && (fields || !options.actions)) {
    for (const method of sends) if (fields || method === "PATCH") forms.push(write(method, fields, options, body));
  }
  if (allowed.includes("DELETE") && body && !body.detail) {
    forms.push(
      h("section", { class: "card" }, h("h2", {}, "DELETE"),
        h("button", { type: "button", class: "danger", onclick: async () => {
          if (await confirmed("DELETE " + path, h("p", {}, "Deletion cannot be undone."), "Delete", () =>
            ask(path + location.search, { method: "DELETE" }))) fill(answer, "Deleted.");
        } }, "DELETE " + path)),
    );
  }
  return forms;
}

function write(method, fields, options, body) {
  const place = h("div", {}), multipart = options.parses.length === 1 && options.parses[0] === "multipart/form-data";
  const done = (result) => {
    fill(answer, linked(JSON.stringify(result, null, 2)));
    fill(document.getElementById("status"), method + " succeeded. The answer:");
    answer.scrollIntoView({ block: "center" });
  };
  const there = method !== "POST" && body && !body.detail ? body : {};
  const asForm = () =>
    fieldForm(fields, { verb: method, values: there, file: multipart, done, send: async (sent) => {
      if (!multipart) return ask(path + location.search, { method, json: sent });
      return ask(path + location.search, { method, body: sent });
    } });
  const asText = () => {
    const area = h("textarea", { class: "mono", rows: 10, "aria-label": "JSON to send", spellcheck: "false",
        value: JSON.stringify(beginning(fields, there), null, 2) }), alert = h("p", { role: "alert" });
    return h("form", { class: "stack", onsubmit: async (event) => {
      event.preventDefault();
      fill(alert, "");
      try {
        done(await ask(path + location.search, { method, body: area.value, type: "application/json" }));
      } catch (error) {
        fill(alert, error.fields ? JSON.stringify(error.fields) : error.message);
      }
    } }, area, alert, h("div", {}, h("button", { class: "main" }, method)));
  };
  const kinds = [["Form", asForm], ["JSON", asText]].filter((
    [label],
  ) => (label === "JSON" ? !multipart : Boolean(fields)));
  const tabs = kinds.map(([label, make], i) =>
    h("button", { type: "button", role: "tab", onclick: () => pick(i) }, label)
  );
  const pick = (n) => {
    tabs.forEach((t, i) => t.setAttribute("aria-selected", String(i === n)));
    fill(place, kinds[n][1]());
  };
  pick(0);
  return h("details", { class: "card", open: false }, h("summary", {}, h("b", {}, method)),
    h("div", { class: "tabs", role: "tablist" }, tabs), place);
}

// beginning is the initial text of the JSON field: the object as it is, or the required fields.
function beginning(fields, there) {
  const names = Object.entries(fields ?? {}).filter(([, f]) => !f.read_only);
  return Object.fromEntries(
    names.filter(([name, f]) => f.required || there[name] !== undefined && there[name] !== null)
      .map(([name]) => [name, there[name] ?? ""]),
  );
}

enrich().catch(failed);
