// Signing in.
import { field, fill, h } from "../dom.js";
import { signIn } from "../session.js";
import { title } from "../shell.js";

export function signInForm(next) {
  const refused = h("p", { role: "alert", id: "refused" });
  const button = h("button", { class: "main" }, "Sign in");
  const username = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none",
    spellcheck: "false" });
  return h("form", {
    class: "stack",
    id: "sign-in",
    onsubmit: async (event) => {
      event.preventDefault();
      fill(refused, "");
      button.disabled = true;
      const given = new FormData(event.target);
      try {
        await signIn(given.get("username"), given.get("password"));
        location.assign(next);
      } catch (error) {
        fill(refused, error.message);
        button.disabled = false;
        username.select();
      }
    },
  }, field("User name", username),
    field("Password",
      h("input", { name: "password", type: "password", autocomplete: "current-password", required: true })), refused,
    h("div", {}, button));
}

// destination is the page to show after signing in: only a path of this node.
function destination() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  if (!URL.canParse(wanted, location.origin)) return "/";
  const next = new URL(wanted, location.origin);
  return next.origin === location.origin && !next.pathname.startsWith("/accounts/") ? next.pathname + next.search : "/";
}

export function show(main, who) {
  title("Sign in");
  main.classList.add("narrow");
  fill(main, h("div", { class: "card" }, h("h2", {}, "Sign in to " + who.node), signInForm(destination())),
    !who.locked &&
      h("p", { class: "faint" }, "Without signing in you see ",
        h("a", { href: "/targets/" }, "what is open to everybody"), "."));
  main.querySelector("input").focus();
}
