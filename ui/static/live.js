// Datums that arrive while a page is open. While the page is visible, the node sends an event for
// each change of the target.
import { get, pages } from "./api.js";

const every = 1000, afterFailure = 15000; // milliseconds
const path = "/api/reduceddatums/";

const newestFirst = (id) => ({ target__id: id, ordering: "-created" });

// newest returns the highest id of a target's datums, 0 for none, and their number.
export async function newest(id) {
  const page = await get(path, { ...newestFirst(id), limit: 1, fields: "id" });
  return { id: page.results[0]?.id ?? 0, count: page.count };
}

// live watches a target as long as an element is part of the page. seen is what newest returned
// before the page read its datums. live calls arrived with the datums that were added since, in the
// order in which they came, and their number. Some of the datums may be known to the page already.
// live returns a function that asks at once.
export function live(element, target, seen, arrived) {
  let timer = null, source = null, asking = Promise.resolve();

  const look = async () => {
    const now = await newest(target.id);
    if (now.id <= seen.id && now.count <= seen.count) {
      seen.count = now.count; // some were deleted
      return;
    }
    let rows = [], count = null, cursor = "";
    do {
      const page = await get(path, { ...newestFirst(target.id), limit: 1000, pagination_style: "cursor", cursor });
      count ??= page.count;
      const fresh = page.results.filter((d) => d.id > seen.id);
      rows.push(...fresh);
      cursor = page.next && fresh.length === page.results.length ? new URL(page.next).searchParams.get("cursor") : "";
    } while (cursor);
    // The rows of a large upload get their ids while it is sent, and are seen only when it has ended.
    if (count > seen.count + rows.length) {
      rows = [], count = null;
      for await (const page of pages(path, newestFirst(target.id))) {
        count ??= page.count;
        rows.push(...page.results);
      }
    }
    const number = Math.min(rows.length, Math.max(count - seen.count, rows.filter((d) => d.id > seen.id).length));
    // What came after the first page was read is left to the next look.
    seen = { id: rows.reduce((most, d) => Math.max(most, d.id), seen.id), count };
    if (rows.length) await arrived(rows.reverse(), number);
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
