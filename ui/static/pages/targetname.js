// /targets/name/X redirects to the target named X.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { title } from "../shell.js";

export async function show(main, who, { name }) {
  const wanted = decodeURIComponent(name), same = (text) => text.toLowerCase() === wanted.toLowerCase();
  title(wanted);
  // the filter name splits at commas; query does not, but does not look at aliases
  const page = await get("/api/targets/", { [wanted.includes(",") ? "query" : "name"]: wanted, limit: 200 });
  const found = page.results.filter((t) => same(t.name) || t.aliases.some((a) => same(a.name)));
  const only = found.find((t) => t.name === wanted) ?? (found.length === 1 ? found[0] : null);
  if (only) {
    location.replace("/targets/" + only.id + "/");
    return;
  }
  if (found.length > 1) {
    fill(main, h("h1", {}, "Several targets are called " + wanted), h("ul", {}, found.map((t) =>
      h("li", {}, h("a", { href: "/targets/" + t.id + "/" }, t.name))
    )));
    return;
  }
  fill(main, nothingHere(who, "There is no target called “" + wanted + "” here that you may see."),
    h("p", {}, h("a", { href: "/targets/?name=" + encodeURIComponent(wanted) }, "Search for it")));
}

// nothingHere says that something does not exist, or is hidden from this user.
export const nothingHere = (who, text) => [
  h("h1", {}, "Not found"),
  h("p", {}, text),
  !who.signed_in &&
  h("p", {}, h("a", { href: "/accounts/login/?next=" + encodeURIComponent(location.pathname) }, "Sign in"),
    " to see more."),
];
