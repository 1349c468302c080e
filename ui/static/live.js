// Datums that arrive while a page is open. While the page is visible, the node sends an event for
// each change of the target.
import { get } from "./api.js";

const every = 1000, afterFailure = 15000; // milliseconds
const path = "/api/reduceddatums/";

// live watches a target as long as an element is part of the page. It calls arrived with new datums
// in the order in which they came, and returns a function that asks at once.
export async function live(element, target, arrived) {
  const query = { target__id: target.id, ordering: "-created" };
  const newest = async () => (await get(path, { ...query, limit: 1, fields: "id" })).results[0]?.id ?? 0;
  let known = await newest(), timer = null, source = null, asking = Promise.resolve();

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
  const listen = () => {
    source = new EventSource(`/api/events/?target__id=${target.id}`);
    source.addEventListener("change", () => ask().catch(() => {}));
    source.addEventListener("gone", hush);
  };
  const hush = () => {
    source?.close();
    source = null;
  };
  // A hidden page closes its connection, since a browser has few of them. If the stream is refused,
  // the page polls.
  const tick = async () => {
    if (!element.isConnected) return hush();
    let wait = every;
    if (document.hidden) {
      hush();
    } else if (!source) {
      listen();
      await ask().catch(() => {});
    } else if (source.readyState === EventSource.CLOSED) {
      await ask().catch(() => {});
      wait = afterFailure;
    }
    timer = setTimeout(tick, wait);
  };
  // The browser keeps a page that the user left, with timers stopped, and would keep its connection
  // open.
  addEventListener("pagehide", hush);
  timer = setTimeout(tick, 0);
  return () => {
    clearTimeout(timer);
    return ask().then(tick);
  };
}
