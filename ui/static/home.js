// The first page: who is signed in, and the targets that this person sees.

const $ = (id) => document.getElementById(id);

async function api(path, options = {}) {
  const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
  if (options.body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...options, headers });
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(reason(body));
  return body;
}

// reason makes one text of the API's messages, whatever their shape.
function reason(body) {
  if (Array.isArray(body)) return body.map(reason).join(" ");
  if (body && typeof body === "object") return Object.values(body).map(reason).join(" ");
  return String(body);
}

async function showSession() {
  const session = await api("/api/session/");
  document.title = session.node;
  $("node").textContent = session.node;
  $("who").textContent = session.user ? session.user.username : "not signed in";
  $("sign-in").hidden = session.signed_in;
  $("sign-out").hidden = !session.signed_in;
}

function cell(row, text, kind) {
  const td = row.insertCell();
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

let asked = 0;

async function showTargets() {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: "100", order: "name", strict: "true" });
  const name = new FormData($("search")).get("name").trim();
  if (name) query.set("name", name);
  let list;
  try {
    list = await api("/api/targets/?" + query);
  } catch (error) {
    if (mine === asked) {
      $("count").textContent = error.message;
      $("targets").replaceChildren();
    }
    return;
  }
  if (mine !== asked) return; // a later question has been asked
  $("count").textContent = list.count === 1 ? "1 target" : list.count + " targets" + (list.next ? ", of which these are the first" : "");
  $("targets").replaceChildren();
  for (const target of list.results) {
    const row = $("targets").insertRow();
    const link = document.createElement("a");
    link.href = "/api/targets/" + target.id + "/";
    link.textContent = target.name;
    cell(row, "").append(link);
    cell(row, target.aliases.map((alias) => alias.name).join(", "));
    cell(row, target.ra === null ? "" : target.ra.toFixed(5), "number");
    cell(row, target.dec === null ? "" : target.dec.toFixed(5), "number");
    const data = document.createElement("a");
    data.href = "/api/reduceddatums/?target__id=" + target.id;
    data.textContent = "data";
    cell(row, "").append(data);
  }
}

async function refresh() {
  await showSession();
  await showTargets();
}

$("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("refused").textContent = "";
  try {
    await api("/api/session/", { method: "POST", body: JSON.stringify(Object.fromEntries(new FormData(event.target))) });
    event.target.reset();
  } catch (error) {
    $("refused").textContent = error.message;
    return;
  }
  await refresh();
});

$("sign-out").addEventListener("click", async () => {
  await api("/api/session/", { method: "DELETE" });
  await refresh();
});

$("search").addEventListener("submit", (event) => event.preventDefault());
$("search").addEventListener("input", showTargets);

refresh();
