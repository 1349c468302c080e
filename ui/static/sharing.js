// Who sees a target, and the rights of groups on it: to view, change or delete it.
import { ask, nameableGroups } from "./api.js";
import { h, fill, select } from "./dom.js";
import { confirmed, failed } from "./notice.js";

const names = ["view", "change", "delete"];

// rightsText says what a group may do, as in "view and change".
function rightsText(group) {
  const list = names.filter((name) => group[name]);
  return list.length < 2 ? list.join("") : list.slice(0, -1).join(", ") + " and " + list.at(-1);
}

// seenBy says who can see a target, and why.
export function seenBy(t) {
  const granted = t.groups.length ? " and the members of " + t.groups.map((g) => g.name).join(", ") : "";
  return { OPEN: "Everybody sees it, also without signing in.", PUBLIC: "Everybody who is signed in sees it.",
    PRIVATE: "Only its owner" + granted + " see" + (granted ? "" : "s") + " it, and superusers." }[t.permissions] ??
    "";
}

// sharing shows who sees a target t and the rights of groups on it. If the viewer may change the
// target, they can give rights to groups and take them away.
export function sharing(t, groups, may, who) {
  const list = h("dd", {}, groups.length === 0
    ? h("span", { class: "faint" }, "none")
    : groups.map((g) =>
      h("span", { class: "tag" }, g.name + ": " + rightsText(g), may &&
        h("button", { type: "button", class: "plain", "aria-label": "Withdraw from " + g.name,
          onclick: () => withdraw(t, g) }, "×"))
    ));
  const add = h("dd", {});
  if (may) offerGroups(add, t, groups, who).catch(failed);
  return h("dl", { id: "rights" }, h("dt", {}, "Visible to"), h("dd", {}, seenBy(t)),
    h("dt", {}, "What groups may do"), list, may && [h("dt", {}, h("label", { for: "share" }, "Share with")), add]);
}

const path = (t, id) => "/api/targets/" + t.id + "/groups/" + id + "/";

async function withdraw(t, group) {
  if (await confirmed("Withdraw from " + group.name + "?",
    h("p", {}, "Its members lose their rights on this target" +
      (t.permissions === "PRIVATE" ? ", and no longer see it." : ", but still see it.")), "Withdraw",
    () => ask(path(t, group.id), { method: "DELETE" }))) location.reload();
}

// choices are the combinations of rights that can be given.
const choices = [["view", "may view it"], ["change", "may view and change it"], ["delete", "may view and delete it"],
  ["change delete", "may view, change and delete it"]];

// offerGroups shows the viewer's groups, for a superuser all groups, to share the target with.
async function offerGroups(place, t, groups, who) {
  const offered = await nameableGroups(who);
  if (offered.length === 0) return fill(place, h("span", { class: "faint" }, "you are in no group"));
  const group = select({ id: "share", class: "short", required: true },
    [["", "a group …"], ...offered.map((g) => [g.id, g.name])]);
  const rights = select({ id: "share-rights", class: "short", "aria-label": "What the group may do" }, choices, "view");
  fill(place,
    h("form", { class: "row", onsubmit: (event) => {
      event.preventDefault();
      const chosen = offered.find((g) => g.id === Number(group.value));
      share(t, chosen, rights.value, groups.find((g) => g.id === chosen.id), who).catch(failed);
    } }, group, rights, h("button", {}, "Share")));
}

// share gives a group exactly the chosen rights, once the user has confirmed what that means.
async function share(t, group, chosen, before, who) {
  const now = { view: true, change: chosen.includes("change"), delete: chosen.includes("delete") };
  const on = who.permissions === "objects"
    ? "what is on it only as far as that is theirs or shared with them"
    : "everything on it: light curve, spectra and files";
  const content = [
    h("p", {}, "The members of " + group.name + " will be able to see " + t.name + ", and " + on + "."),
    now.change && h("p", {}, "They will be able to change and share it, and to add files and datums."),
    now.delete && h("p", {}, "They will be able to delete it with everything on it, which cannot be undone."),
    before && h("p", { class: "faint" }, "Until now they may " + rightsText(before) + " it."),
  ];
  if (await confirmed("Share " + t.name + " with " + group.name + "?", content, "Share",
    () => ask(path(t, group.id), { method: "PUT", json: now }), "Do not share")) location.reload();
}
