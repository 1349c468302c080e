// Uploading files to a target: drop them, see what they would add, then store them.
import { address, get, send } from "./api.js";
import { field, fill, h, newID } from "./dom.js";
import { failed } from "./notice.js";
import { report } from "./report.js";
import { size } from "./text.js";

const types = ["auto", "photometry", "spectroscopy", "image_file", "fits_file"]; // a node may have more

// uploads is a place to drop files. It calls stored after each stored file.
export function uploads(target, stored) {
  const queue = h("div", { "aria-live": "polite" }), together = h("div", {});
  const input = h("input", { type: "file", multiple: true, class: "offscreen", "aria-label": "Choose files",
    onchange: () => {
      take(input.files);
      input.value = "";
    } });
  const kinds = h("datalist", { id: newID() }, types.map((value) => h("option", { value }))),
    type = h("input", { name: "data_product_type", list: kinds.id, value: "auto", autocomplete: "off" }),
    groups = h("div", { class: "row" });
  const drop = h("div", { class: "drop", ondragover: (event) => {
    event.preventDefault();
    drop.classList.add("over");
  }, ondragleave: () => drop.classList.remove("over"), ondrop: (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  } },
    h("p", {}, "Drop files here, or ", h("button", { type: "button", onclick: () => input.click() }, "choose them"),
      input), h("small", {}, "Text tables and FITS files. You see what they contain before anything is stored."));
  const details = h("details", {}, h("summary", {}, "What they are"),
    h("div", { class: "grid" }, field("Type", type, { help: "auto decides by the content." }), kinds,
      field("Product id", h("input", { name: "product_id", autocomplete: "off" }), {
        help: "A unique id of your choice, for one file only.",
      }), field("Date of observation", h("input", { name: "date_obs", autocomplete: "off" }), {
        help: "For a spectrum that has none: ISO 8601 or MJD.",
      }), field("Flux scale", h("input", { name: "flux_scale", inputmode: "decimal", autocomplete: "off" }), {
        help: "The factor by which a spectrum's flux is multiplied.",
      })), groups);
  get("/api/groups/").then((page) =>
    page.count > 0 &&
    fill(groups, h("span", { class: "label" }, "Groups that see it, if the node sets permissions by object"),
      page.results.map((g) =>
        h("label", { class: "check" }, h("input", { type: "checkbox", name: "groups", value: g.id }), g.name)
      ))
  ).catch(failed);

  function form(file) {
    const f = new FormData();
    f.set("target", target.id);
    f.set("data_product_type", type.value.trim() || "auto");
    for (const name of ["product_id", "date_obs", "flux_scale"]) {
      const value = details.querySelector("[name=" + name + "]").value.trim();
      if (value) f.set(name, value);
    }
    const chosen = [...groups.querySelectorAll("input:checked")].map((g) => ({ id: Number(g.value) }));
    if (chosen.length) f.set("groups", JSON.stringify(chosen));
    f.set("file", file, file.name); // the last part, so that the node can refuse before a large file is sent
    return f;
  }

  async function take(files) {
    for (const file of files) {
      const row = fileRow(file, form(file), { stored, changed });
      queue.prepend(row);
      await row.preview();
    }
  }

  // changed offers to store all files that are checked but not stored, if there are two or more.
  let storing = false;
  function changed() {
    const ready = storing ? [] : [...queue.children].filter((row) => row.store).reverse(); // in the order of dropping
    fill(together, ready.length > 1 && h("button", { type: "button", class: "main", onclick: async () => {
      storing = true;
      fill(together);
      for (const row of ready) await row.store?.(); // unless the user dismissed it meanwhile
      storing = false;
      changed();
    } }, "Store all " + ready.length));
  }
  return h("section", { class: "card", id: "upload", "aria-label": "Upload" }, h("h2", {}, "Add data"), drop, details,
    together, queue);
}

// fileRow shows the state of one file. It has a function store while the file can be stored, and
// calls changed when that changes.
function fileRow(file, form, { stored, changed }) {
  const bar = h("progress", { value: 0, max: 1, hidden: true }), state = h("span", { class: "faint" }),
    found = h("div", {}), buttons = h("div", { class: "row" });
  const element = h("div", { class: "upload" },
    h("div", { class: "row" }, h("b", {}, file.name), h("span", { class: "faint" }, size(file.size)), bar, state),
    found, buttons);
  const run = async (dry) => {
    bar.hidden = false;
    bar.value = 0;
    fill(buttons);
    fill(state, dry ? "is being read" : "is being stored");
    try {
      return await send(address("/api/dataproducts/", { dry_run: dry ? "true" : "" }), form, (share) => {
        bar.value = share;
      });
    } catch (error) {
      fill(state, h("span", { class: "bad" }, dry ? "cannot be stored" : "was not stored"));
      const said = error.fields?.report;
      fill(found, !said?.errors?.length && h("p", { class: "bad" }, error.message), report(said, true));
      fill(buttons, dismiss());
      return null;
    } finally {
      bar.hidden = true;
    }
  };
  element.preview = async () => {
    const answer = await run(true);
    if (!answer) return;
    fill(state, "nothing is stored yet");
    fill(found, report(answer.report ?? answer, true));
    fill(buttons, h("button", { type: "button", class: "main", onclick: store }, "Store"), dismiss());
    element.store = store;
    changed();
  };
  const dismiss = () =>
    h("button", { type: "button", onclick: () => {
      element.store = null;
      element.remove();
      changed();
    } }, "Dismiss");
  async function store() {
    element.store = null;
    changed();
    const answer = await run(false);
    if (!answer) return;
    fill(state, h("span", { class: "good" }, "stored"));
    fill(found, report(answer.report));
    fill(buttons, dismiss());
    stored(answer);
  }
  return element;
}
