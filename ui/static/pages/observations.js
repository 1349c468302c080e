// The observation records.
import { h } from "../dom.js";
import { explorer, targetLinks } from "../explorer.js";
import { when } from "../table.js";
import { moment, short } from "../text.js";

export async function show(main) {
  await explorer(main, {
    heading: "Observations",
    path: "/api/observations/",
    things: ["record", "records"],
    orders: "ordering",
    columns: async (rows) => {
      const target = await targetLinks(rows);
      return [
        { label: "Observation", class: "wide",
          cell: (o) => h("a", { href: "/api/observations/" + o.id + "/" }, o.observation_id || o.id) },
        { label: "Target", class: "wide", cell: (o) => target(o.target) },
        { label: "Facility", class: "wideonly", cell: (o) => o.facility },
        { label: "Status", sort: "status", cell: (o) => o.status },
        { label: "Scheduled", sort: "scheduled_start", class: "wideonly tight", cell: (o) => when(o.scheduled_start) },
        { label: "Until", sort: "scheduled_end", class: "wideonly tight", cell: (o) => when(o.scheduled_end) },
        { label: "Created", sort: "created", class: "wideonly tight", cell: (o) => moment(o.created).slice(0, 10) },
        { label: "Parameters", class: "wideonly wide", cell: (o) => h("span", { class: "clip" }, short(o.parameters)) },
      ];
    },
  });
}
