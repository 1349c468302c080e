// Users and groups, for superusers.
import { ask, get } from "../api.js";
import { fill, h } from "../dom.js";
import { fieldForm } from "../forms.js";
import { confirmed, dialogue, failed } from "../notice.js";
import { title } from "../shell.js";
import { table } from "../table.js";
import { many, moment } from "../text.js";

export async function show(main, who) {
  title("Users");
  if (!who.superuser) {
    fill(main, h("h1", {}, "Users and groups"),
      h("p", {}, "Only superusers manage users and groups. Your own account is ", h("a", { href: "/account/" }, "here"),
        "."));
    return;
  }
  const [users, groups] = await Promise.all([
    get("/api/users/", { limit: 1000 }),
    get("/api/groups/", { all: "true", limit: 1000 }),
  ]);
  const again = () => show(main, who).catch(failed);
  fill(main, h("div", { class: "bar" }, h("h1", {}, "Users and groups")),
    h("section", { class: "card", id: "users", "aria-label": "Users" },
      h("div", { class: "bar" }, h("h2", {}, many(users.count, "user")),
        h("button", { type: "button", class: "main", onclick: () => edit(null, groups.results, again) }, "Add a user")),
      userTable(users.results, groups.results, again)),
    h("section", { class: "card", id: "groups", "aria-label": "Groups" },
      h("div", { class: "bar" }, h("h2", {}, many(groups.count, "group")),
        h("button", { type: "button", class: "main", onclick: () => group(null, again) }, "Add a group")),
      groupTable(groups.results, users.results, again)));
}

function userTable(users, groups, again) {
  return table({
    caption: "Users",
    rows: users,
    columns: [
      { label: "Name", class: "wide",
        cell: (u) =>
          h("button", { type: "button", class: "link", onclick: () => edit(u, groups, again) }, u.username) },
      { label: "Groups", cell: (u) => u.groups.map((g) => h("span", { class: "tag" }, g.name)) },
      { label: "Rights", class: "wideonly", cell: (u) => (u.is_superuser ? "superuser" : "") },
      { label: "Password", class: "wideonly", cell: (u) => (u.has_password ? "yes" : "none, token only") },
      { label: "Since", class: "wideonly tight", cell: (u) => moment(u.created).slice(0, 10) },
      { label: "", cell: (u) =>
        h("button", { type: "button", class: "small", onclick: async () => {
          if (await confirmed("Remove " + u.username + "?",
            h("p", {}, "The account and its tokens are deleted; its uploads are kept."), "Remove",
            () => ask("/api/users/" + u.id + "/", { method: "DELETE" }))) again();
        } }, "Remove") },
    ],
  });
}

// edit is the form of a user's name, password, rights and groups.
async function edit(user, groups, again) {
  const path = user ? "/api/users/" + user.id + "/" : "/api/users/";
  try {
    const options = await ask(user ? path : "/api/users/", { method: "OPTIONS" }),
      { username, password, is_superuser } = Object.values(options.actions)[0];
    const chosen = new Set(user?.groups.map((g) => g.id)),
      boxes = groups.map((g) =>
        h("label", { class: "check" },
          h("input", { type: "checkbox", value: g.id, checked: chosen.has(g.id),
            onchange: (event) => (event.target.checked ? chosen.add(g.id) : chosen.delete(g.id)) }), g.name)
      );
    const form = fieldForm({ username, password: { ...password, label: user ? "New password" : "Password" },
      is_superuser }, {
      verb: user ? "Save" : "Add",
      values: { username: user?.username, is_superuser: user?.is_superuser ?? false },
      send: (json) =>
        ask(path, { method: user ? "PATCH" : "POST", json: { ...json, groups: [...chosen].map((id) => ({ id })) } }),
      done: () => {
        box.close();
        again();
      },
    });
    form.querySelector(".grid").after(
      h("div", {}, h("p", { class: "label" }, "Groups"),
        h("div", { class: "row" }, boxes.length > 0 ? boxes : h("span", { class: "faint" }, "none yet"))),
    );
    const box = dialogue(user ? user.username : "Add a user", form);
  } catch (error) {
    failed(error);
  }
}

function groupTable(groups, users, again) {
  return table({
    caption: "Groups",
    rows: groups,
    empty: "None yet.",
    columns: [
      { label: "Name",
        cell: (g) => h("button", { type: "button", class: "link", onclick: () => group(g, again) }, g.name) },
      { label: "Members", class: "wide", cell: (g) => {
        const all = users.filter((u) => u.groups.some((x) => x.id === g.id));
        return all.length
          ? all.map((u) => h("span", { class: "tag" }, u.username))
          : h("span", { class: "faint" }, "nobody");
      } },
      { label: "", cell: (g) =>
        h("button", { type: "button", class: "small", onclick: async () => {
          if (await confirmed("Delete the group " + g.name + "?",
            h("p", {}, "Its members no longer see what was shared with it, unless they have access in another way."),
            "Delete", () => ask("/api/groups/" + g.id + "/?all=true", { method: "DELETE" }))) again();
        } }, "Delete") },
    ],
  });
}

function group(g, again) {
  const path = "/api/groups/" + (g ? g.id + "/" : "") + "?all=true";
  const box = dialogue(g ? "Rename " + g.name : "Add a group",
    fieldForm({ name: { label: "Name", type: "string", max_length: 150 } }, { verb: g ? "Rename" : "Add",
      values: { name: g?.name }, send: (json) => ask(path, { method: g ? "PATCH" : "POST", json }), done: () => {
        box.close();
        again();
      } }));
}
