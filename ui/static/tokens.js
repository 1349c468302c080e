// Tokens: the list, and a form for a new one, whose secret is shown once.
import { ask, get } from "./api.js";
import { copyButton } from "./copy.js";
import { field, fill, h, select } from "./dom.js";
import { confirmed } from "./notice.js";
import { clearProblems, showProblems } from "./problems.js";
import { table } from "./table.js";
import { ago, moment } from "./text.js";

const kinds = { named: "named", "token-auth": "by password", session: "a browser's session" };
const lives = [["", "never"], ["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"]];

// tokens shows the tokens that the user may see, and a form for a new one.
export async function tokens(place, who) {
  const made = h("div", { "aria-live": "polite" }), list = h("div", {});
  const form = h("form", { class: "row end", id: "new-token", onsubmit: async (event) => {
    event.preventDefault();
    clearProblems(form);
    const given = new FormData(form), days = Number(given.get("life"));
    const json = { name: given.get("name"), read_only: given.has("read_only"),
      expires: days ? new Date(Date.now() + days * 86400000).toISOString() : null };
    if (given.get("username")) json.username = given.get("username");
    try {
      const token = await ask("/api/tokens/", { method: "POST", json });
      fill(made,
        h("div", { class: "secret" },
          h("div", {}, h("p", {}, "The token “" + (token.name || "without a name") + "”. It is shown only now:"),
            h("code", { id: "secret" }, token.token)), copyButton(token.token, "Copy", "the token")));
      form.reset();
      await refresh();
    } catch (error) {
      showProblems(form, error);
    }
  } }, field("Name", h("input", { name: "name", placeholder: "what it is for", autocomplete: "off", maxlength: 100 })),
    who.superuser &&
      field("For", h("input", { name: "username", placeholder: who.user.username, autocomplete: "off" })),
    field("Expires", select({ name: "life" }, lives, "")),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "read_only" }), "reads only"),
    h("button", { class: "main" }, "Make a token"), h("p", { role: "alert" }));
  fill(place, form, made, list);
  await refresh();

  async function refresh() {
    const page = await get("/api/tokens/", { limit: 500 });
    fill(list, table({
      caption: "Tokens",
      rows: page.results,
      empty: "None.",
      columns: [
        { label: "Name", class: "wide", cell: (t) => t.name || h("span", { class: "faint" }, kinds[t.kind]) },
        who.superuser && { label: "Whose", class: "wideonly", cell: (t) => t.username },
        { label: "Kind", class: "wideonly", cell: (t) => kinds[t.kind] + (t.read_only ? ", reads only" : "") },
        { label: "Used", class: "wideonly", cell: (t) => (t.last_used ? ago(t.last_used) : "never") },
        { label: "Expires", class: "tight", cell: (t) => (t.expires ? moment(t.expires).slice(0, 10) : "never") },
        { label: "", cell: (t) =>
          h("button", { type: "button", class: "small", onclick: async () => {
            if (await confirmed("Revoke this token?",
              h("p", {}, "Programs that use “" + (t.name || kinds[t.kind]) + "” are refused from now on."),
              "Revoke",
              () => ask("/api/tokens/" + t.id + "/", { method: "DELETE" }))) refresh();
          } }, "Revoke") },
      ].filter(Boolean),
    }));
  }
}
