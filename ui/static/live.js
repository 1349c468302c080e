// Data that arrive while a page is open. The node tells when something of the target has changed, as long as the page is seen.
import { get } from "./api.js";

const every = 1000, afterFailure = 15000; // milliseconds
const path = "/api/reduceddatums/";

// live watches a target as long as an element is part of the page. arrived is given the new data, in the order in which they came. It gives a function that asks at once.
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
  // A page that is not seen gives its connection back, for a browser has few of them. Where the stream is refused, asking must do.
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
  addEventListener("pagehide", hush); // a page that was left is kept by the browser, to come back to: its clock stands still then, and its connection would stay
  timer = setTimeout(tick, 0);
  return () => {
    clearTimeout(timer);
    return ask().then(tick);
  };
}
