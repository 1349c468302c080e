// One file of an upload: what it would add, what the user says about it, and storing it.
import { address, send } from "./api.js";
import { fill, h } from "./dom.js";
import { report } from "./report.js";
import { size } from "./text.js";
import { askedBy, fileFields, givenText } from "./uploadfields.js";

// fileRow shows the state of one file of a target. A change of its fields previews it again.
// element.preview previews the file, element.state is "waits", "ready", "here" (the node has the
// file or all its rows), "refused", "stored" or "away" (dismissed), and element.store stores the
// file while the state is ready or here. names are the fields that the node offers, groups returns
// the named groups, stored is called with the answer after storing, changed after each change of
// state.
export function fileRow(file, { target, names, groups, stored, changed }) {
  const bar = h("progress", { value: 0, max: 1, hidden: true }), state = h("span", { class: "faint" }, "waits"),
    given = h("p", { class: "given" }), found = h("div", {}), buttons = h("div", { class: "row" });
  const fields = fileFields(names, () => element.preview());
  const element = h("div", { class: "upload" },
    h("div", { class: "row" }, h("b", {}, file.name), h("span", { class: "faint" }, size(file.size)), bar, state),
    given, found, fields, buttons);
  let stop = null, previewed = "", storing = false;

  const be = (now) => {
    element.state = now;
    changed();
  };
  const said = () => ({ ...fields.values(), groups: groups().map((g) => g.id) });
  const form = (values) => {
    const f = new FormData();
    f.set("target", target.id);
    f.set("data_product_type", "auto");
    for (const [name, value] of Object.entries(values)) if (name !== "groups") f.set(name, value);
    if (values.groups.length) f.set("groups", JSON.stringify(values.groups.map((id) => ({ id }))));
    f.set("file", file, file.name); // the last part, so that the node can refuse before a large file is sent
    return f;
  };

  // run sends the file. It returns null if the node refuses it, or a later request took over.
  async function run(dry) {
    stop?.abort();
    const mine = stop = new AbortController(), values = said();
    bar.hidden = false;
    bar.value = 0;
    fill(buttons, dry && dismiss());
    fill(state, dry ? "is being read" : "is being stored");
    fill(given, givenText(values, groups().map((g) => g.name)));
    try {
      const path = address("/api/dataproducts/", { dry_run: dry ? "true" : "" });
      const answer = await send(path, form(values), (share) => {
        bar.value = share;
      }, mine.signal);
      if (mine !== stop) return null;
      previewed = JSON.stringify(values);
      bar.hidden = true;
      return answer;
    } catch (error) {
      if (mine !== stop) return null;
      bar.hidden = true;
      const seen = error.fields?.report;
      const reason = error.status === 0 && !await readable(file)
        ? "The browser cannot read it: it has changed since it was chosen, or it is a folder."
        : error.message;
      if (mine !== stop) return null;
      fill(state, h("span", { class: "bad" }, dry ? "cannot be stored" : "was not stored"));
      fill(found, !seen?.errors?.length && h("p", { class: "bad" }, reason), report(seen, true));
      fields.show(askedBy(seen, error.fields));
      fill(buttons, !dry && h("button", { type: "button", onclick: () => element.preview() }, "Read it again"),
        dismiss());
      be("refused");
      return null;
    }
  }

  element.state = "waits";
  element.preview = async () => {
    if (storing || ["stored", "away"].includes(element.state)) return;
    be("waits");
    const answer = await run(true);
    if (!answer) return;
    const r = answer.report ?? answer, here = r.created === 0 && (r.duplicate > 0 || r.same_file > 0);
    fill(state, here
      ? h("span", { class: "warn" }, r.same_file ? "is here already" : "all its rows are stored already")
      : "nothing is stored yet");
    fill(found, report(r, true));
    fields.show(askedBy(r));
    fill(buttons, h("button", { type: "button", class: here ? null : "main", onclick: element.store },
      here ? "Store the file all the same" : "Store"), dismiss());
    be(here ? "here" : "ready");
  };
  // store stores what was previewed. If the user has said something else since, it previews that.
  element.store = async () => {
    if (storing || !["ready", "here"].includes(element.state)) return;
    if (JSON.stringify(said()) !== previewed) return element.preview();
    storing = fields.disabled = true;
    be("waits");
    const answer = await run(false);
    storing = fields.disabled = false;
    if (!answer) return;
    fill(state, h("span", { class: "good" }, "stored"));
    fill(found, report(answer.report));
    fields.remove();
    fill(buttons, dismiss());
    be("stored");
    stored(answer);
  };
  const dismiss = () =>
    h("button", { type: "button", onclick: () => {
      stop?.abort();
      stop = null;
      element.remove();
      be("away");
    } }, "Dismiss");
  return element;
}

async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
