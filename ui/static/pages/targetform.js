// Adding and editing a target.
import { ask, get, nameableGroups } from "../api.js";
import { formatDec, formatRA, parseDec, parsePair, parseRA, readDec, readRA } from "../angles.js";
import { field, fill, h, select } from "../dom.js";
import { confirmed, failed } from "../notice.js";
import { clearProblems, showProblems } from "../problems.js";
import { title } from "../shell.js";
import { nothingHere } from "./targetname.js";

const elements = [
  "epoch_of_elements",
  "mean_anomaly",
  "arg_of_perihelion",
  "eccentricity",
  "lng_asc_node",
  "inclination",
  "mean_daily_motion",
  "semimajor_axis",
  "epoch_of_perihelion",
  "perihdist",
];

export async function show(main, who, { id }) {
  if (!who.signed_in) {
    title("Add a target");
    fill(main, h("h1", {}, "Add a target"),
      h("p", {}, h("a", { href: "/accounts/login/?next=" + encodeURIComponent(location.pathname) }, "Sign in"),
        " to add targets."));
    return;
  }
  const path = id ? "/api/targets/" + id + "/" : "/api/targets/";
  let options, groups, old;
  try {
    [options, groups, old] = await Promise.all([
      ask(path, { method: "OPTIONS" }),
      nameableGroups(who),
      id ? get(path) : null,
    ]);
  } catch (error) {
    if (error.status !== 404) throw error;
    fill(main, nothingHere(who, "There is no target " + id + " here that you may see."));
    return;
  }
  const fields = Object.values(options.actions ?? {})[0];
  title(id ? "Edit " + old.name : "Add a target");
  if (!fields) {
    fill(main, h("h1", {}, old?.name ?? "Add a target"), h("p", {}, "You may see this target, but not change it."));
    return;
  }
  fill(main,
    h("div", { class: "bar" }, h("h1", {}, id ? "Edit " + old.name : "Add a target"),
      id && h("a", { class: "button", href: "/targets/" + id + "/" }, "Back to the target")),
    form(fields, groups, old));
}

function form(fields, groups, old) {
  const text = (name, props = {}) =>
    h("input", { name, value: old?.[name] ?? "", autocomplete: "off", spellcheck: "false", ...props });
  const numbers = (names) =>
    names.filter((n) => fields[n]).map((n) =>
      field(fields[n].label, text(n, { inputmode: "decimal" }), { help: fields[n].help_text })
    );
  const others = Object.keys(fields).filter((n) =>
    fields[n].type === "float" && !elements.includes(n) && n !== "ra" && n !== "dec"
  );
  const type = select({ name: "type", onchange: () => showType() },
    fields.type.choices.map((c) => [c.value, c.display_name]), old?.type ?? "SIDEREAL");
  const permissions = select({ name: "permissions" }, [
    ...(old ? [] : [["", "the node's default"]]),
    ["OPEN", "everybody, also without signing in"],
    ["PUBLIC", "everybody who is signed in"],
    ["PRIVATE", "you, and the groups below"],
  ], old?.permissions);
  const ra = coordinate("ra", "RA", old, readRA, (v) => formatRA(v, 3)),
    dec = coordinate("dec", "Dec", old, readDec, (v) => formatDec(v, 2));
  // Both coordinates in one field, as they are copied, go to their fields when that is left.
  for (const box of [ra, dec]) {
    box.querySelector("input").addEventListener("change", (event) => {
      const pair = parsePair(event.target.value);
      if (!pair) return;
      for (const [i, b] of [ra, dec].entries()) {
        b.querySelector("input").value = pair[i];
        b.tell();
      }
    });
  }
  const place = h("div", { class: "grid" }, ra, dec);
  const orbit = h("div", { class: "grid" },
    field("Scheme",
      select({ name: "scheme" }, [["", "none"], ...fields.scheme.choices.map((c) => [c.value, c.display_name])],
        old?.scheme)), numbers(elements));
  const showType = () => {
    place.hidden = type.value !== "SIDEREAL";
    orbit.hidden = type.value === "SIDEREAL";
  };
  showType();
  const aliases = repeated("aliases", "Another name",
    (a) => [h("input", { name: "alias", value: a?.name ?? "", "aria-label": "Other name", autocomplete: "off" })],
    old?.aliases);
  const tags = repeated("targetextra_set", "Another tag", (
    e,
  ) => [
    h("input", { name: "key", value: e?.key ?? "", placeholder: "key", "aria-label": "Key of the tag",
      autocomplete: "off" }),
    h("input", { name: "value", value: e?.value ?? "", placeholder: "value", "aria-label": "Value of the tag",
      autocomplete: "off" }),
  ], old?.targetextra_set);
  const seen = field("Visible to", permissions);
  seen.classList.add("double");
  const given = new Set(old?.groups.map((g) => g.id));
  const button = h("button", { class: "main" }, old ? "Save" : "Add the target");
  const element = h("form", { class: "stack", id: "target", novalidate: true, onsubmit: submit },
    h("fieldset", {}, h("legend", {}, "Name and place"),
      h("div", { class: "grid" }, field("Name", text("name", { required: true, maxlength: fields.name.max_length })),
        field("Type", type)), place, orbit),
    h("div", { class: "halves" }, h("fieldset", {}, h("legend", {}, "Other names"), aliases),
      h("fieldset", {}, h("legend", {}, "Tags"), tags)),
    h("fieldset", {}, h("legend", {}, "Who can see it"), h("div", { class: "grid" }, seen), groups.length > 0 &&
      h("div", { dataset: { field: "groups" } }, h("p", { class: "label" }, "Groups that may view it"),
        h("div", { class: "row" },
          groups.map((g) =>
            h("label", { class: "check" },
              h("input", { type: "checkbox", name: "group", value: g.id, checked: given.has(g.id),
                disabled: given.has(g.id) }), g.name)
          )), h("small", { class: "error" }),
        h("small", { class: "help" },
          "More rights are given on the target's page" + (given.size > 0 ? ", and taken away there." : ".")))),
    h("fieldset", {}, h("legend", {}, "Lists"),
      field(old ? "Add to more lists" : "Add to lists", h("input", { name: "lists", autocomplete: "off" }), {
        help: "Names, separated by commas. Missing lists are created.",
        name: "target_lists",
      })),
    h("details", { open: others.some((n) => old?.[n] !== null && old?.[n] !== undefined && n !== "epoch") },
      h("summary", {}, "Motion, distance, ephemeris and more"), h("div", { class: "grid" }, numbers(others))),
    h("p", { role: "alert" }), h("div", { class: "row" }, button));
  const first = collect(element); // only what the user changes is sent: others may change the rest meanwhile
  return element;

  async function submit(event) {
    event.preventDefault();
    const f = event.target;
    clearProblems(f);
    button.disabled = true;
    try {
      const sent = old ? changes(first, collect(f)) : collect(f);
      if (old && !await shared(sent)) {
        button.disabled = false;
        return;
      }
      positions(sent);
      const target = await ask(old ? "/api/targets/" + old.id + "/" : "/api/targets/", { method: old ? "PATCH" : "POST",
        json: sent });
      if (old) await forget();
      location.assign("/targets/" + target.id + "/");
    } catch (error) {
      showProblems(f, error);
      if (!error.fields) failed(error);
      button.disabled = false;
    }
  }

  // collect returns the form as the API expects it, without the fields that the type of target does
  // not use.
  function collect(f) {
    const sent = { name: f.elements.name.value.trim(), type: type.value };
    if (permissions.value) sent.permissions = permissions.value;
    const names = type.value === "SIDEREAL" ? others : [...others, ...elements];
    for (const n of names) {
      const value = f.elements[n]?.value.trim() ?? "";
      if (value !== "" || (old?.[n] ?? null) !== null) sent[n] = value === "" ? null : value;
    }
    if (type.value === "SIDEREAL") {
      for (const [n, parse] of [["ra", parseRA], ["dec", parseDec]]) {
        const value = f.elements[n].value.trim();
        if (value) sent[n] = parse(value) ?? value; // the API refuses what cannot be read
        if (!value && (old?.[n] ?? null) !== null) sent[n] = null;
      }
    } else {
      sent.scheme = f.elements.scheme.value;
    }
    const rows = (box, take) =>
      [...box.querySelectorAll("[data-item]")].map((item) => ({
        ...(item.dataset.item ? { id: Number(item.dataset.item) } : {}),
        ...take(item),
      }));
    sent.aliases = rows(aliases, (i) => ({ name: i.querySelector("[name=alias]").value.trim() })).filter((a) =>
      a.name || a.id
    );
    sent.targetextra_set = rows(tags,
      (i) => ({ key: i.querySelector("[name=key]").value.trim(), value: i.querySelector("[name=value]").value.trim() }))
      .filter((e) => e.key || e.value || e.id);
    sent.groups = [...f.querySelectorAll("[name=group]:checked:not(:disabled)")].map((g) => ({
      id: Number(g.value),
      view: true,
    }));
    sent.target_lists = f.elements.lists.value.split(",").map((name) => name.trim()).filter(Boolean).map((name) => ({
      name,
    }));
    for (const key of ["groups", "target_lists", "aliases", "targetextra_set"])
      if (sent[key].length === 0) delete sent[key];
    return sent;
  }

  // positions tells the rows of other names and tags at which position they are sent, since a message
  // about one names its position.
  function positions(sent) {
    for (const [name, box, key] of [["aliases", aliases, "name"], ["targetextra_set", tags, "key"]]) {
      for (const row of box.querySelectorAll("[data-field]")) delete row.dataset.field;
      const rows = [...box.querySelectorAll("[data-item]")];
      (sent[name] ?? []).forEach((item, i) => {
        const row = rows.find((row) =>
          item.id ? row.dataset.item === String(item.id) : !row.dataset.item && !row.dataset.field &&
            (row.querySelector("[name=alias]")?.value.trim() ?? row.querySelector("[name=key]").value.trim()) ===
              item[key]
        );
        if (row) row.dataset.field = name + "." + i + "." + key;
      });
    }
  }

  // shared asks before more people see the target, and reports whether to go on.
  async function shared(sent) {
    const width = ["PRIVATE", "PUBLIC", "OPEN"], names = (sent.groups ?? []).map(({ id }) =>
      groups.find((g) => g.id === id)?.name
    );
    const wider = width.indexOf(sent.permissions) > width.indexOf(old.permissions);
    if (!wider && names.length === 0) return true;
    return confirmed("Share " + old.name + "?", [
      wider && h("p", {}, sent.permissions === "OPEN"
        ? "Everybody will see it and its data, also without signing in."
        : "Everybody who is signed in will see it and its data."),
      names.length > 0 && h("p", {}, "The members of " + names.join(", ") + " will see it."),
    ], "Share", async () => {}, "Do not share");
  }

  async function forget() {
    for (const [box, path] of [[aliases, "/api/targetname/"], [tags, "/api/targetextra/"]])
      for (const id of box.gone) await ask(path + id + "/", { method: "DELETE" });
  }
}

// changes returns what of a form differs from its first content. Of lists it returns the new and
// changed items.
function changes(first, now) {
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b), changed = {};
  for (const [key, value] of Object.entries(now)) {
    if (same(value, first[key])) continue;
    changed[key] = Array.isArray(value) && first[key]
      ? value.filter((item) => !first[key].some((other) => same(item, other)))
      : value;
    if (Array.isArray(value) && changed[key].length === 0) delete changed[key];
  }
  return changed;
}

// coordinate is a field for degrees or sexagesimal angles that shows how its text is read.
function coordinate(name, label, old, read, format) {
  const input = h("input", { name, value: old?.[name] ?? "", autocomplete: "off", spellcheck: "false",
    oninput: () => tell() });
  const box = field(label, input, { help: " " }), help = box.querySelector(".help");
  const tell = () => {
    const text = input.value.trim(), { degrees, problem } = text ? read(text) : {},
      pair = degrees === undefined && text ? parsePair(text) : null;
    help.textContent = degrees !== undefined
      ? "= " + format(degrees) + " = " + Number(degrees.toFixed(7)) + "°"
      : pair
      ? "RA " + formatRA(pair[0], 3) + ", Dec " + formatDec(pair[1], 2)
      : text
      ? problem || "Neither degrees nor " + (name === "ra" ? "12:34:56.7" : "-12:34:56.7")
      : "Degrees, or " + (name === "ra" ? "hours:minutes:seconds" : "degrees:minutes:seconds");
    help.classList.toggle("bad", degrees === undefined && !pair && text !== "");
  };
  box.tell = tell;
  tell();
  return box;
}

// repeated is a list of rows of controls; rows can be added and removed. gone collects the ids of
// removed rows that exist on the node.
function repeated(name, label, controls, there = []) {
  const rows = h("div", { class: "stack rows" });
  const add = (item) => {
    const row = h("div", { class: "row item", dataset: { item: item?.id ?? "" } }, controls(item),
      h("button", { type: "button", class: "plain", "aria-label": "Remove", onclick: () => {
        if (item) box.gone.push(item.id);
        row.remove();
        number();
      } }, "×"), h("small", { class: "error" }));
    rows.append(row);
    number();
    return row;
  };
  // a problem of one row is named by its position, such as aliases.1.name
  const number = () =>
    [...rows.children].forEach((row, i) => {
      row.dataset.field = name + "." + i + "." + (name === "aliases" ? "name" : "key");
    });
  const box = h("div", {}, rows,
    h("button", { type: "button", class: "small", onclick: () => add().querySelector("input").focus() }, label));
  box.gone = [];
  there.forEach(add);
  if (there.length === 0) add();
  return box;
}
