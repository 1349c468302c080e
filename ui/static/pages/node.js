// The node: the state of its file, checks, and settings. For superusers.
import { ApiError, ask, get } from "../api.js";
import { copyButton } from "../copy.js";
import { field, fill, h, select } from "../dom.js";
import { failed, notice } from "../notice.js";
import { clearProblems, showProblems } from "../problems.js";
import { title } from "../shell.js";
import { ago, fromMJD, grouped, many, now, size } from "../text.js";

export async function show(main, who) {
  title("Node");
  if (!who.superuser) {
    fill(main, h("h1", {}, "Node"),
      h("p", {}, "Only superusers see the state of the node. ",
        !who.signed_in && h("a", { href: "/accounts/login/?next=/node/" }, "Sign in")));
    return;
  }
  const [node, settings] = await Promise.all([get("/api/node/"), get("/api/settings/")]);
  const number = (value, label) => h("div", {}, h("b", {}, value), h("span", {}, label));
  fill(main,
    h("div", { class: "bar" }, h("h1", {}, node.name), h("span", { class: "faint" }, "Nightjar " + node.version)),
    (node.failed || node.read_only) &&
      h("p", { class: "card bad" },
        node.failed ? "The node cannot write: " + node.failed : "The file is served for reading only."),
    h("section", { class: "card", "aria-label": "What it holds" },
      h("div", { class: "numbers" }, number(grouped(node.counts.targets), "targets"),
        number(grouped(node.counts.reduceddatums), "datums"), number(grouped(node.counts.dataproducts), "data products"),
        number(grouped(node.counts.observations), "observations"), number(size(node.size), "file"),
        number(size(node.free), "unused"))),
    h("div", { class: "halves" }, h("section", { class: "card" }, h("h2", {}, "File"), h("dl", {}, [
      ["File", h("span", { class: "mono" }, node.path)],
      ["Format", node.format],
      ["Node id", h("span", { class: "mono" }, node.node)],
      ["Log", many(node.sequence, "entry", "entries")],
      ["Head of the log", [
        h("span", { class: "mono" }, node.head),
        " ",
        copyButton(node.head, "Copy", "the head of the log"),
      ]],
      [
        "Index of names",
        node.index.why_not
          ? h("span", { class: "warn" }, node.index.why_not)
          : node.index.sequence === node.sequence
          ? h("span", { class: "good" }, "up to date")
          : "at entry " + grouped(node.index.sequence),
      ],
    ].map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])),
      h("div", { class: "row" }, act("Rebuild the index", "/api/node/reindex/", (a) => a.message),
        act("Compact the file", "/api/node/compact/",
          (a) => "The file had " + size(a.before) + " and has " + size(a.after) + ".", () => show(main, who)))),
      h("section", { class: "card", id: "verify" }, h("h2", {}, "Verify the file"), verify()),
      h("section", { class: "card", id: "backups" }, h("h2", {}, "Backups"), copies(node.backup),
        h("p", {}, h("a", { class: "button main", href: "/api/backup/", download: true }, "Download a backup"),
          " It contains everything, including password hashes."),
        h("p", {}, "Or on the node's command line, also while the server runs:"),
        h("pre", {}, "nightjar --db " + node.path + " backup FOLDER"),
        h("p", { class: "faint" },
          "Each copy is verified before it is sent. Keep the head of the log with it: "
            + "it can prove later that no entry was removed from the log."))),
    h("section", { class: "card", id: "settings", "aria-label": "Settings" }, h("h2", {}, "Settings"),
      settings.results.map(setting)));
}

// copies shows the state of the automatic backups.
function copies(state) {
  if (!state)
    return h("p", { class: "faint" }, "This server makes no automatic backups. Start it with ",
      h("code", {}, "--backup-dir FOLDER"), " to make them; their age is then shown here.");
  if (state.failed)
    return h("p", { class: "bad" }, "The last automatic backup failed" + (state.age_seconds === null
      ? "; there is none."
      : "; the last good backup is " + past(state.age_seconds) + " old."));
  return state.age_seconds === null
    ? h("p", { class: "warn" }, "The server makes automatic backups; there is none yet.")
    : h("p", { class: "good" }, "The last automatic backup is " + past(state.age_seconds) + " old.");
}

const past = (seconds) =>
  ago(fromMJD(now() - seconds / 86400)).replace(" ago", "").replace("just now", "less than a minute");

function act(label, path, said, after = () => {}) {
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    try {
      notice(said(await ask(path, { method: "POST" })));
      await after();
    } catch (error) {
      failed(error);
    }
    button.disabled = false;
  } }, label);
  return button;
}

// verify runs the node's check of its file and shows the progress.
function verify() {
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "How far the check is" }),
    found = h("div", { "aria-live": "polite" });
  const head = h("input", { name: "head", autocomplete: "off", spellcheck: "false" });
  const button = h("button", { type: "button", class: "main", onclick: async () => {
    button.disabled = true;
    bar.hidden = false;
    bar.value = 0;
    fill(found, "Records, files and the log are being read …");
    try {
      const result = await stream("/api/node/verify/?progress=true",
        head.value.trim() ? { head: head.value.trim() } : {}, (line) => {
        bar.value = line.total ? line.done / line.total : 0;
      });
      fill(found, result.good
        ? h("p", { class: "good" },
          "The file is whole: " + many(result.records, "record") + ", " + many(result.blobs, "file") + ", " +
            many(result.log_entries, "log entry", "log entries") + ".")
        : [
          h("p", { class: "bad" }, "There are problems:"),
          h("ul", {}, result.problems.map((p) => h("li", {}, p))),
          result.more_problems > 0 && h("p", {}, "and " + grouped(result.more_problems) + " more"),
        ]);
    } catch (error) {
      fill(found, h("p", { class: "bad" }, error.message));
    }
    bar.hidden = true;
    button.disabled = false;
  } }, "Verify");
  return [
    h("p", { class: "faint" },
      "Checks every record and file against its checksum, every index against the records, and the chain of the log."),
    field("A head of the log", head, {
      help: "As stat or backup printed it, to check that this file contains the log up to there.",
    }),
    h("div", { class: "row" }, button, bar),
    found,
  ];
}

// stream posts and reads lines of JSON as they come. It passes lines with done to progress, and
// returns the last line.
async function stream(path, json, progress) {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(json),
    headers: { "Content-Type": "application/json", "X-Requested-With": "XMLHttpRequest",
      Accept: "application/json" } });
  if (!answer.ok) throw new ApiError(answer.status, await answer.json());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", last = null;
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines.filter(Boolean)) {
      last = JSON.parse(line);
      if ("done" in last) progress(last);
    }
    if (done) break;
  }
  if (!last || "done" in last) throw new Error("The check ended early; the node's log says why.");
  return last;
}

const choices = { permissions: ["targets", "objects"], auth_strategy: ["read-only", "locked"],
  target_default_permission: ["PRIVATE", "PUBLIC", "OPEN"] };

function setting(s) {
  const control = choices[s.name]
    ? select({ name: "value" }, choices[s.name].map((c) => [c, c]), s.value)
    : s.name === "extra_fields"
    ? h("textarea", { name: "value", class: "mono", value: s.value, spellcheck: "false" })
    : h("input", { name: "value", value: s.value, autocomplete: "off", spellcheck: "false" });
  const form = h("form", { class: "setting", onsubmit: async (event) => {
    event.preventDefault();
    clearProblems(form);
    try {
      const now = await ask("/api/settings/" + s.name + "/", { method: "PUT", json: { value: control.value } });
      control.value = now.value;
      notice(s.name.replaceAll("_", " ") + " is set.");
    } catch (error) {
      showProblems(form, error);
    }
  } }, field(s.name.replaceAll("_", " "), control, {
    help: s.help_text + (s.default ? " Default: " + s.default + "." : ""),
    name: "value",
  }), h("button", {}, "Save"), h("p", { role: "alert" }));
  return form;
}
