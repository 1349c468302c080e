// Suggestions under a search box: a list that also works by keyboard, after the combobox pattern of
// the ARIA Authoring Practices. If the request fails, there is no list.
import { address, get } from "./api.js";
import { fill, h, later, newID } from "./dom.js";

// suggesting returns a search box with its list. Up and down choose, Enter opens the chosen item,
// Escape closes the list.
export function suggesting(input) {
  const list = h("ul", { id: newID(), class: "suggestions", role: "listbox", "aria-label": "Suggestions",
    hidden: true });
  let chosen = -1, asking = null;

  const choose = (n) => {
    chosen = n;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === n)));
    if (n < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[n].id);
    list.children[n].scrollIntoView({ block: "nearest" });
  };
  const show = (options) => {
    fill(list, options);
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    choose(-1);
  };
  const close = () => {
    asking?.abort();
    asking = null;
    show([]);
  };
  const ask = later(150, async (mine) => {
    if (mine.signal.aborted) return;
    const found = await get("/api/suggestions/", { q: input.value.trim() }, { signal: mine.signal }).catch(() => null);
    if (!mine.signal.aborted) show(found ? choices(found) : []);
  });

  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id,
    "aria-expanded": "false" })) input.setAttribute(name, value);
  input.addEventListener("input", () => {
    asking?.abort();
    if (!input.value.trim()) return close();
    asking = new AbortController();
    ask(asking);
  });
  input.addEventListener("keydown", (event) => {
    const count = list.children.length, step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    // between the last and the first, none is chosen
    if (step && count > 0) choose((chosen + 1 + step + count + 1) % (count + 1) - 1);
    else if (event.key === "Escape" && count > 0) close();
    else if (event.key === "Enter" && chosen >= 0) list.children[chosen].click();
    else {
      if (event.key === "Enter") close();
      return;
    }
    event.preventDefault();
  });
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
  return h("div", { class: "suggesting" }, input, list);
}

// choices are the options of a list.
function choices({ targets, similar, source_names }) {
  const option = (path, kind, ...what) =>
    h("li", { id: newID(), role: "option", "aria-selected": "false", onclick: () => location.assign(path) }, what,
      h("small", {}, kind));
  const target = (kind) => (t) =>
    option("/targets/" + t.id + "/", kind, h("span", {}, t.as),
      t.as !== t.name && h("span", { class: "faint" }, t.name));
  return [
    ...targets.map(target("target")),
    ...similar.map(target("similar name")),
    ...source_names.map((name) =>
      option(address("/reduceddatums/", { source_name: name }), "source of data", h("span", {}, name))
    ),
  ];
}
