// The module of each page.
import { failed } from "./notice.js";
import { session } from "./session.js";
import { shell } from "./shell.js";

const pages = [
  [/^\/$/, "targets"],
  [/^\/targets\/$/, "targets"],
  [/^\/targets\/create\/$/, "targetform"],
  [/^\/targets\/import\/$/, "targetimport"],
  [/^\/targets\/(?<id>\d+)\/$/, "target"],
  [/^\/targets\/(?<id>\d+)\/update\/$/, "targetform"],
  [/^\/targets\/name\/(?<name>.+)\/$/, "targetname"],
  [/^\/dataproducts\/data\/$/, "dataproducts"],
  [/^\/dataproducts\/data\/(?<id>\d+)\/$/, "product"],
  [/^\/reduceddatums\/$/, "reduceddatums"],
  [/^\/observations\/list\/$/, "observations"],
  [/^\/accounts\/login\/$/, "login"],
  [/^\/account\/$/, "account"],
  [/^\/users\/$/, "users"],
  [/^\/node\/$/, "node"],
  [/^\/log\/$/, "log"],
];

async function start() {
  const main = document.getElementById("main");
  const path = location.pathname.endsWith("/") ? location.pathname : location.pathname + "/";
  for (const [pattern, name] of pages) {
    const match = pattern.exec(path);
    if (!match) continue;
    const module = import("./pages/" + name + ".js");
    const who = await session();
    shell(who, path);
    if (!who.signed_in && who.locked && name !== "login") {
      location.replace("/accounts/login/?next=" + encodeURIComponent(location.pathname + location.search));
      return;
    }
    await (await module).show(main, who, match.groups ?? {});
    document.documentElement.dataset.shown = "true"; // for tests: the first content is shown
    return;
  }
}

start().catch(failed);
