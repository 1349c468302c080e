// The targets: search while typing, filters, a table, and the map of the sky.
import { address, ask, get } from "../api.js";
import { formatDec, formatRA, parseDec, parsePair, parseRA } from "../angles.js";
import { field, fill, h, later, select } from "../dom.js";
import { given } from "../filters.js";
import { failed } from "../notice.js";
import { requestBox } from "../requests.js";
import { title } from "../shell.js";
import { skyMap } from "../sky.js";
import { suggesting } from "../suggestions.js";
import { pager, table } from "../table.js";
import { many, moment } from "../text.js";
import { signInForm } from "./login.js";

const limit = 50;
const names = [
  "name",
  "type",
  "targetlist__name",
  "key",
  "value",
  "cone_search",
  "target_cone_search",
  "order",
  "offset",
];

const columns = [
  { label: "Name", sort: "name", class: "wide", cell: (t) => h("a", { href: "/targets/" + t.id + "/" }, t.name) },
  { label: "Other names", class: "wideonly wide", cell: (t) => t.aliases.map((a) => a.name).join(", ") },
  { label: "RA", class: "number",
    cell: (t) => (t.ra === null ? "" : h("span", { title: t.ra + "°" }, formatRA(t.ra))) },
  { label: "Dec", class: "number",
    cell: (t) => (t.dec === null ? "" : h("span", { title: t.dec + "°" }, formatDec(t.dec))) },
  { label: "Tags", class: "wideonly",
    cell: (t) => t.targetextra_set.slice(0, 3).map((e) => h("span", { class: "tag", title: e.key }, e.value)) },
  { label: "Visible to", class: "wideonly tight", cell: (t) => h("span", { class: "access" }, t.permissions) },
  { label: "Changed", sort: "modified", class: "wideonly tight",
    cell: (t) => h("time", { datetime: t.modified }, moment(t.modified).slice(0, 10)) },
];

export async function show(main, who) {
  const state = given(names);
  title("Targets");
  const options = h("div", { class: "row" });
  const search = h("input", { type: "search", name: "name", "data-search": true, value: state.name ?? "",
    placeholder: "Part of a name or of an alias", "aria-label": "Search by a part of a name or of an alias",
    autocomplete: "off", spellcheck: "false" });
  const counted = h("p", { class: "faint", "aria-live": "polite", id: "count" });
  const list = h("div", { id: "targets" });
  const request = requestBox();
  const sky = skyMap((ra, dec, radius) => {
    form.elements.cone_search.value = ra.toFixed(3) + ", " + dec.toFixed(3) + ", " + radius;
    more.open = true;
    change();
  });

  const more = h("details", {
    open: ["type", "targetlist__name", "key", "value", "cone_search", "target_cone_search"].some((n) => state[n]),
  }, h("summary", {}, "More filters"),
    h("div", { class: "grid" },
      field("Type",
        select({ name: "type" }, [["", "any"], ["SIDEREAL", "sidereal"], ["NON_SIDEREAL", "non-sidereal"]],
          state.type)),
      field("On the list",
        h("input", { name: "targetlist__name", value: state.targetlist__name ?? "", autocomplete: "off" })),
      field("Has the tag", h("input", { name: "key", value: state.key ?? "", autocomplete: "off" })),
      field("Has a tag with the value", h("input", { name: "value", value: state.value ?? "", autocomplete: "off" })),
      field("In the cone", h("input", { name: "cone_search", value: state.cone_search ?? "", autocomplete: "off" }), {
        help: "RA, Dec, radius in degrees; RA and Dec may be 12:34:56.7 -12:34:56. A click on the map fills it in.",
      }),
      field("Around the target",
        h("input", { name: "target_cone_search", value: state.target_cone_search ?? "", autocomplete: "off" }), {
        help: "Name, radius in degrees.",
      })));
  const form = h("form", { role: "search", onsubmit: (event) => event.preventDefault() },
    h("div", { class: "searchline" }, suggesting(search)), more);

  fill(main, !who.signed_in && location.pathname === "/" &&
    h("details", { class: "card" }, h("summary", {}, "Sign in to see more than what is open to everybody"),
      h("div", { class: "narrow" }, signInForm("/"))),
    h("div", { class: "bar" }, h("h1", {}, "Targets"),
      who.signed_in && h("a", { class: "button main", href: "/targets/create/" }, "Add a target"),
      who.signed_in && h("a", { class: "button", href: "/targets/import/" }, "Import CSV"), options),
    h("div", { class: "split" }, h("div", {}, h("div", { class: "card" }, form), counted, list),
      h("aside", {},
        h("details", { class: "card", open: matchMedia("(min-width: 64rem)").matches,
          ontoggle: (event) => event.target.open && sky.show(filter()) }, h("summary", {}, "Sky"), sky),
        h("details", { class: "card wideonly" }, h("summary", {}, "The request"), request))));

  function filter() {
    const f = { ...state };
    delete f.offset;
    if (f.cone_search) f.cone_search = cone(f.cone_search);
    return f;
  }

  let stop = null;
  async function refresh() {
    stop?.abort();
    stop = new AbortController();
    history.replaceState(null, "", address(location.pathname, state));
    const f = filter(), offset = Number(state.offset ?? 0);
    request.update({ path: "/api/targets/", params: { ...f, strict: "true" } });
    fill(options, "Export ",
      ["csv", "ecsv", "votable", "fits"].map((form) =>
        h("a", { href: address("/api/targets/", { ...f, format: form }), download: "targets." + form,
          title: "What is shown, as " + form }, form)
      ));
    try {
      const page = await get("/api/targets/", { ...f, limit, offset: offset || "" }, { signal: stop.signal });
      fill(counted, many(page.count, "target"));
      const nothing = page.count > 0 ? "" : Object.keys(f).some((name) => name !== "order")
        ? h("div", {}, h("p", {}, state.name
          ? "No target that you may see has “" + state.name + "” in its name."
          : "No target that you may see matches."), await meant(state.name))
        : h("div", {}, h("p", {}, "There are no targets yet that you may see."), who.signed_in &&
          h("p", {}, h("a", { href: "/targets/create/" }, "Add the first"), ", or ",
            h("a", { href: "/targets/import/" }, "import a table of them"), "."));
      fill(list, table({ columns, rows: page.results, caption: "Targets", order: state.order ?? "", sorted: (order) =>
        go({ order, offset: "" }), empty: nothing }), pager({ count: page.count, limit, offset, go: (to) =>
          go({ offset: to || "" }) }));
      if (sky.closest("details").open)
        sky.show({ ...f, order: "" });
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(counted, error.message);
      fill(list);
    }
  }

  function go(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (value === "") delete state[name];
      else state[name] = value;
    }
    refresh();
  }

  const change = () => {
    const changes = { offset: "" };
    for (const [name, value] of new FormData(form)) changes[name] = value.trim();
    go(changes);
  };
  form.addEventListener("input", later(120, change));
  if (!matchMedia("(pointer: coarse)").matches && (state.name || new URLSearchParams(location.search).has("search")))
    search.focus();
  await refresh().catch(failed);
}

// cone accepts sexagesimal right ascension and declination, also as one text before the radius.
// Other text goes to the API unchanged, which says what is wrong.
function cone(text) {
  const parts = text.split(",").map((p) => p.trim());
  if (parts.length === 2) {
    const pair = parsePair(parts[0]);
    return pair ? [...pair, parts[1]].join(",") : text;
  }
  if (parts.length !== 3) return text;
  return [parseRA(parts[0]) ?? parts[0], parseDec(parts[1]) ?? parts[1], parts[2]].join(",");
}

// meant looks for similar names: a few letters different, or with the same beginning.
async function meant(name) {
  if (!name) return "";
  const { similar } = await get("/api/suggestions/", { q: name });
  if (similar.length) return didYouMean(similar.map((t) => ({ ...t, others: t.as === t.name ? [] : [t.as] })));
  const tries = [{ name_fuzzy: name }]; // which also works while the index is being built
  const parts = name.split(/[\s_\-]+/).filter((p) => p.length > 2).sort((a, b) => b.length - a.length);
  if (parts.length > 1) tries.push({ name: parts[0] });
  for (let n = name.length - 1; n >= Math.max(3, name.length - 4); n--) tries.push({ name: name.slice(0, n) });
  for (const params of tries) {
    const page = await ask(address("/api/targets/", { ...params, limit: 5 }));
    if (page.count) return didYouMean(page.results.map((t) => ({ ...t, others: t.aliases.map((a) => a.name) })));
  }
  return "";
}

const didYouMean = (list) =>
  h("p", {}, "Did you mean ", list.map((t, i) => [
    i > 0 && ", ",
    h("a", { href: "/targets/" + t.id + "/" }, t.name),
    t.others.length > 0 && " (" + t.others.join(", ") + ")",
  ]), "?");
