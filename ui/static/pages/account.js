// The user's own account: password, tokens.
import { ask } from "../api.js";
import { field, fill, h } from "../dom.js";
import { notice } from "../notice.js";
import { clearProblems, showProblems } from "../problems.js";
import { signOut } from "../session.js";
import { title } from "../shell.js";
import { tokens } from "../tokens.js";

export async function show(main, who) {
  title("Account");
  if (!who.signed_in) {
    location.replace("/accounts/login/?next=/account/");
    return;
  }
  const { user } = who, list = h("div", {});
  fill(main,
    h("div", { class: "bar" }, h("h1", {}, user.username),
      h("button", { type: "button", class: "phoneonly", onclick: async () => {
        await signOut();
        location.assign("/");
      } }, "Sign out")),
    h("div", { class: "halves" },
      h("section", { class: "card" }, h("h2", {}, "Groups and rights"),
        h("dl", {}, h("dt", {}, "Groups"), h("dd", {}, user.groups.length
          ? user.groups.map((g) => h("span", { class: "tag" }, g.name))
          : h("span", { class: "faint" }, "none")), h("dt", {}, "Rights"),
          h("dd", {},
            user.is_superuser ? "superuser: may see and do everything" : "sees open data, your own and your groups'"))),
      h("section", { class: "card" }, h("h2", {}, user.has_password ? "Change your password" : "Set a password"),
        password(user))), h("section", { class: "card", id: "tokens" }, h("h2", {}, "Tokens for programs"), list));
  await tokens(list, who);
}

function password(user) {
  return h("form", { class: "stack", id: "password", onsubmit: async (event) => {
    event.preventDefault();
    const form = event.target, given = new FormData(form);
    clearProblems(form);
    if (given.get("password") !== given.get("again")) {
      showProblems(form, { fields: { again: ["The passwords differ."] } });
      return;
    }
    try {
      await ask("/api/users/" + user.id + "/", { method: "PATCH",
        json: { password: given.get("password"), current_password: given.get("current_password") ?? "" } });
      form.reset();
      notice("Your password is changed. Other sessions of yours have to sign in again.");
    } catch (error) {
      showProblems(form, error);
    }
  } },
    h("input", { class: "offscreen", autocomplete: "username", value: user.username, tabindex: -1,
      "aria-hidden": "true", readonly: true }), user.has_password &&
    field("Current password",
      h("input", { name: "current_password", type: "password", autocomplete: "current-password", required: true })),
    field("New password",
      h("input", { name: "password", type: "password", autocomplete: "new-password", required: true, minlength: 8 }), {
      help: "At least 8 characters.",
    }), field("Confirm", h("input", { name: "again", type: "password", autocomplete: "new-password", required: true })),
    h("p", { role: "alert" }), h("div", {}, h("button", {}, "Change it")));
}
