// Numbers, times and sizes as texts.

// mjd is the modified Julian date, UTC, of an ISO 8601 time; days have 86,400 seconds. Digits
// beyond the millisecond count.
export function mjd(iso) {
  const m = /^(.*?)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/.exec(iso);
  return (Date.parse(m[1] + (m[3] || "Z")) / 1000 + Number(m[2] || 0)) / 86400 + 40587;
}

// fromMJD is the time as ISO 8601, UTC, to the millisecond or as few digits as asked for.
export const fromMJD = (days) => new Date(Math.round((days - 40587) * 86400000)).toISOString();

// moment is a readable time: UTC, to the second.
export const moment = (iso) => (iso ? iso.slice(0, 19).replace("T", " ") : "");

// undated reports whether a datum's date is unknown: its time is only that of its upload.
export const undated = (d) => d.value?.time_origin === "upload";

// dateText is the date of a datum, UTC, or that it is unknown.
export const dateText = (d) =>
  undated(d) ? "date unknown, uploaded " + moment(d.timestamp) + " UTC" : moment(d.timestamp) + " UTC";

export const now = () => Date.now() / 86400000 + 40587;

const units = [["year", 365.25], ["month", 30.44], ["day", 1], ["hour", 1 / 24], ["minute", 1 / 1440]];

// ago says how long ago a time was.
export function ago(iso, at = now()) {
  const days = at - mjd(iso);
  if (days < 1 / 1440) return "just now";
  const [name, length] = units.find(([, length]) => days >= length);
  const n = Math.floor(days / length);
  return n + " " + name + (n === 1 ? "" : "s") + " ago";
}

// size is a number of bytes in readable units.
export function size(bytes) {
  let i = 0;
  while (bytes >= 1000 && i < 4) {
    bytes /= 1000;
    i++;
  }
  return (i && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)) + " " + ["bytes", "kB", "MB", "GB", "TB"][i];
}

// many writes a count and its noun, with thin spaces between thousands.
export const many = (n, one, more = one + "s") => grouped(n) + " " + (n === 1 ? one : more);

export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

// short writes any JSON value briefly. Of long lists it gives only the length.
export function short(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value))
    return value.length > 6
      ? "[" + grouped(value.length) + " values]"
      : "[" + value.map(short).join(", ") + "]";
  if (typeof value === "object") return Object.entries(value).map(([k, v]) => k + " " + short(v)).join(" · ");
  return String(value);
}

// brief writes the value of a datum without its time, which is shown beside it.
export function brief(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return short(value);
  const { time, ...others } = value;
  return short(Object.keys(others).length ? others : { time });
}
