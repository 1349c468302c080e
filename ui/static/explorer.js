// A list of the API with all its filters as a form, and the request that the form makes.
import { address, ask, get } from "./api.js";
import { fill, h } from "./dom.js";
import { filterForm, given } from "./filters.js";
import { requestBox } from "./requests.js";
import { title } from "./shell.js";
import { pager, table } from "./table.js";
import { grouped } from "./text.js";

// explorer shows a list. columns is called with the rows of each page and may return a promise.
// fields limits the fields that are requested, and rows may add to them. things names what is
// counted, in singular and plural.
export async function explorer(main,
  { heading, path, columns, things, limit = 50, fields, rows = (r) => r, buttons, orders }) {
  title(heading);
  const options = await ask(path, { method: "OPTIONS" }), filters = options.filters ?? {};
  const state = given(Object.keys(filters)), query = new URLSearchParams(location.search);
  let offset = Number(query.get("offset")) || 0;
  const orderName = orders;
  const request = requestBox(), counted = h("p", { class: "faint", "aria-live": "polite", id: "count" }),
    list = h("div", { id: "list" }), exports = h("span", { class: "row" });
  const form = filterForm(filters, state, (values) => {
    const order = state[orderName];
    for (const name of Object.keys(state)) delete state[name];
    Object.assign(state, values, order ? { [orderName]: order } : {});
    offset = 0;
    refresh();
  }, { leaveOut: orders ? [orders] : [] });
  form.querySelector("input")?.setAttribute("data-search", "");
  fill(main, h("div", { class: "bar" }, h("h1", {}, heading), buttons),
    h("details", { class: "card", open: matchMedia("(min-width: 44rem)").matches || Object.keys(state).length > 0 },
      h("summary", {}, "Filters"), form),
    h("details", { class: "card", open: matchMedia("(min-width: 44rem)").matches }, h("summary", {}, "The request"),
      request), h("div", { class: "bar" }, counted, exports), list);

  let stop = null;
  async function refresh() {
    stop?.abort();
    stop = new AbortController();
    const { signal } = stop;
    history.replaceState(null, "", address(location.pathname, { ...state, offset: offset || "" }));
    request.update({ path, params: { ...state, strict: "true" } });
    const formats = (filters.format?.choices ?? []).filter((f) => !["json", "api"].includes(f));
    fill(exports, formats.length > 0 && "Download all as",
      formats.map((f) =>
        h("a", { href: address(path, { ...state, format: f }), download: path.split("/").at(-2) + "." + f,
          dataset: { export: f } }, f)
      ));
    try {
      const page = await get(path, { ...state, fields, limit, offset: offset || "" }, { signal });
      const found = await rows(page.results), shown = await columns(found, () => refresh());
      if (signal.aborted) return;
      fill(counted, grouped(page.count) + " " + (page.count === 1 ? things[0] : things[1]));
      fill(list,
        table({ columns: shown, rows: found, caption: heading, empty: "Nothing that you may see matches.",
          order: state[orderName] ?? "", sorted: orderName && ((order) => {
            state[orderName] = order;
            offset = 0;
            refresh();
          }) }), pager({ count: page.count, limit, offset, go: (to) => {
            offset = to;
            refresh();
          } }));
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(counted, h("span", { class: "bad" }, error.message));
      fill(list);
      fill(exports);
    }
  }
  await refresh();
}

const names = new Map();

// targetNames requests the names of the rows' targets and returns a function from an id to a link.
export async function targetLinks(rows) {
  const ids = [...new Set(rows.map((r) => r.target))].filter((id) => !names.has(id)).slice(0, 25);
  await Promise.all(ids.map(async (id) => {
    try {
      names.set(id, (await get("/api/targets/" + id + "/")).name);
    } catch {
      // show the id instead
    }
  }));
  return (id) => h("a", { href: "/targets/" + id + "/" }, names.get(id) ?? "target " + id);
}
