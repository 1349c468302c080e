// Uploading files to a target: drop or choose them, see what they would add, then store them.
import { ask, nameableGroups } from "./api.js";
import { fill, h } from "./dom.js";
import { failed } from "./notice.js";
import { many } from "./text.js";
import { fileRow } from "./uploadrow.js";

// uploads is a place to drop files; the whole page takes them. It calls stored after each stored
// file.
export function uploads(target, who, stored) {
  const queue = h("div", {}), together = h("div", { "aria-live": "polite" }), chosen = h("div", {});
  const input = h("input", { type: "file", multiple: true, class: "offscreen", tabindex: -1,
    "aria-label": "Choose files", onchange: () => {
      take(input.files).catch(failed);
      input.value = "";
    } });
  const drop = h("div", { class: "drop" },
    h("p", {}, "Drop files here, or ", h("button", { type: "button", onclick: () => input.click() }, "choose them"),
      input), h("small", {}, "Text tables and FITS files. You see what they contain before anything is stored."));
  const element = h("section", { class: "card", id: "upload", "aria-label": "Upload" }, h("h2", {}, "Add data"), drop,
    chosen, together, queue);
  onDrop(element, drop, take);

  // groups are the named groups; the files that are not stored yet are previewed again when they
  // change.
  let named = [];
  offerGroups(chosen, who, (groups) => {
    named = groups;
    for (const row of rows) row.preview();
  }).catch(failed);

  const rows = []; // in the order of dropping
  let reading = Promise.resolve(), offered = null;
  async function take(list) {
    const files = [...list]; // the browser may empty the list meanwhile
    offered ??= offeredFields();
    const names = await offered;
    const fresh = files.map((file) => fileRow(file, { target, names, groups: () => named, stored, changed }));
    rows.push(...fresh);
    queue.prepend(...fresh);
    changed();
    for (const row of fresh) reading = reading.then(() => row.preview()).catch(failed); // one after the other
  }

  // changed counts the files and offers to store all that are ready, if there are two or more.
  let storing = false;
  function changed() {
    const there = rows.filter((row) => row.state !== "away"), ready = there.filter((row) => row.state === "ready");
    const counts = [["waits", "being read or stored"], ["ready", "ready"], ["here", "here already"],
      ["refused", "refused"], ["stored", "stored"]].map(([state, text]) => {
        const n = there.filter((row) => row.state === state).length;
        return n > 0 && n + " " + text;
      }).filter(Boolean);
    fill(together, there.length > 1 && h("p", {}, many(there.length, "file") + ": " + counts.join(" · ")),
      !storing && ready.length > 1 &&
        h("button", { type: "button", class: "main", onclick: async () => {
          storing = true;
          for (const row of ready) await row.store(); // does nothing if the user dismissed it meanwhile
          storing = false;
          changed();
        } }, "Store all " + ready.length));
  }
  return element;
}

// offeredFields returns the names of the fields that an upload to this node can have.
async function offeredFields() {
  const options = await ask("/api/dataproducts/", { method: "OPTIONS" });
  return Object.keys(options.write_fields ?? {});
}

// onDrop takes files that are dropped anywhere on the page, as long as an element is part of it.
function onDrop(element, box, take) {
  const files = (event) => element.isConnected && event.dataTransfer?.types.includes("Files");
  const listen = {
    dragover: (event) => {
      if (!files(event)) return;
      event.preventDefault();
      box.classList.add("over");
    },
    dragleave: (event) => event.relatedTarget || box.classList.remove("over"),
    drop: (event) => {
      if (!files(event)) return;
      event.preventDefault();
      box.classList.remove("over");
      take(event.dataTransfer.files).catch(failed);
    },
  };
  let shown = false;
  for (const [name, run] of Object.entries(listen)) {
    const handle = (event) => {
      shown ||= element.isConnected;
      if (shown && !element.isConnected) return document.removeEventListener(name, handle); // the page shows another
      run(event);
    };
    document.addEventListener(name, handle);
  }
}

// offerGroups shows the user's groups, for a superuser all groups, if they decide who sees an
// upload, and warns while none is named. It calls changed with the named ones.
async function offerGroups(place, who, changed) {
  if (who.permissions !== "objects") return;
  const groups = await nameableGroups(who), warning = h("p", { class: "warn", role: "status" });
  const boxes = groups.map((g) =>
    h("label", { class: "check" },
      h("input", { type: "checkbox", name: "groups", value: g.id, onchange: () => tell() }), g.name)
  );
  const tell = () => {
    const named = groups.filter((g, i) => boxes[i].firstChild.checked);
    fill(warning, named.length === 0 && "No group is named: only you and superusers will see these files and what " +
      "is in them." + (groups.length === 0 ? " You are in no group." : ""));
    return changed(named);
  };
  fill(place,
    h("fieldset", { class: "plain", id: "seers" },
      h("legend", { class: "label" }, "Groups that see the files that you store"),
      h("div", { class: "row" }, boxes), warning));
  tell();
}
