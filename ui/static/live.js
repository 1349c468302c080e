// Data that arrive while a page is open. The node is asked every few seconds for the newest datum, as long as the page is seen.
import { get } from "./api.js";

const every = 2000, afterFailure = 15000; // milliseconds
const path = "/api/reduceddatums/";

// live watches a target as long as an element is part of the page. arrived is given the new data, in the order in which they came. It gives a function that asks at once.
export async function live(element, target, arrived) {
  const query = { target__id: target.id, ordering: "-created" };
  const newest = async () => (await get(path, { ...query, limit: 1, fields: "id" })).results[0]?.id ?? 0;
  let known = await newest(), timer = null, asking = Promise.resolve();

  const look = async () => {
    const last = await newest();
    if (last <= known) return;
    const fresh = [];
    for (let offset = 0, more = true; more; offset += 1000) {
      const page = await get(path, { ...query, limit: 1000, offset: offset || "" });
      const rows = page.results.filter((d) => d.id > known && d.id <= last);
      fresh.push(...rows);
      more = page.next && page.results.at(-1).id > known;
    }
    known = last;
    if (fresh.length) await arrived(fresh.reverse());
  };
  const ask = () => (asking = asking.catch(() => {}).then(look)); // one after the other
  const tick = async () => {
    if (!element.isConnected) return;
    let wait = every;
    if (!document.hidden) {
      try {
        await ask();
      } catch {
        wait = afterFailure; // the node may be away for a while
      }
    }
    timer = setTimeout(tick, wait);
  };
  timer = setTimeout(tick, every);
  return () => {
    clearTimeout(timer);
    return tick();
  };
}
