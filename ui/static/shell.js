// The head of every page: navigation, the signed-in user, and the look.
import { fill, h } from "./dom.js";
import { keys } from "./keys.js";
import { look, lookNames, onLook, setLook } from "./looks.js";
import { failed } from "./notice.js";
import { signOut } from "./session.js";

const places = [
  ["/targets/", "Targets"],
  ["/dataproducts/data/", "Products"],
  ["/reduceddatums/", "Data"],
  ["/observations/list/", "Observations"],
  ["/api/", "API"],
];
const office = [["/users/", "Users"], ["/node/", "Node"], ["/log/", "Log"]];

// shell fills the head of the page. path is the page's path.
export function shell(who, path) {
  const link = ([to, label]) =>
    h("a", { href: to, "aria-current": path.startsWith(to) || (path === "/" && to === "/targets/") ? "page" : null },
      label);
  fill(document.getElementById("head"),
    h("a", { class: "brand", href: "/" }, h("img", { src: "/static/nightjar.svg", alt: "", width: 26, height: 26 }),
      who.node), h("nav", { "aria-label": "Pages" }, places.map(link), who.superuser && office.map(link)),
    h("div", { class: "tools" }, lookButtons(), account(who)));
  // a phone does not show all links
  document.querySelector("#head [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  title("");
  keys();
}

// title sets the window's title.
export function title(text) {
  const node = document.querySelector(".brand")?.textContent ?? "Nightjar";
  document.title = text ? text + " – " + node : node;
}

function lookButtons() {
  const buttons = lookNames.map((name) =>
    h("button", { type: "button", value: name,
      title: name === "night" ? "Night: red on black" : name[0].toUpperCase() + name.slice(1),
      "aria-pressed": String(name === look()), onclick: () => setLook(name) },
      h("span", { class: "swatch " + name, "aria-hidden": "true" }), h("span", { class: "offscreen" }, name + " look"))
  );
  const group = h("div", { class: "looks", role: "group", "aria-label": "Look" }, buttons);
  onLook(group, (now) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.value === now))));
  return group;
}

function account(who) {
  if (!who.signed_in)
    return h("a", { class: "button",
      href: "/accounts/login/?next=" + encodeURIComponent(location.pathname + location.search) }, "Sign in");
  return [
    h("a", { href: "/account/", id: "who" }, who.user?.username ?? "account"),
    h("button", {
      type: "button",
      id: "sign-out",
      onclick: async () => {
        try {
          await signOut();
          location.assign("/");
        } catch (error) {
          failed(error);
        }
      },
    }, "Sign out"),
  ];
}
