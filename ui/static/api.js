// Requests to the REST API.

// ApiError is an answer with an error status. fields is its body: messages by field.
export class ApiError extends Error {
  constructor(status, body) {
    super(reason(body) || "The node answered with status " + status + ".");
    this.status = status;
    this.fields = body;
  }
}

// reason joins the API's messages into one text, whatever their shape. A field's name precedes its
// messages.
export function reason(body, name = "") {
  if (body === null || body === undefined) return "";
  if (Array.isArray(body)) return body.map((b) => reason(b, name)).filter(Boolean).join(" ");
  if (typeof body === "object") {
    return Object.entries(body).filter(([key]) => key !== "report").map(([key, value]) =>
      reason(value, ["detail", "non_field_errors", "Data processing error"].includes(key) ? name : key)
    ).filter(Boolean).join(" ");
  }
  return (name ? name.replaceAll("_", " ") + ": " : "") + body;
}

const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };

// ask sends a request and returns the JSON of the answer, null if there is none. It sends json as
// JSON, or body with the content type type.
export async function ask(path, { method = "GET", json, body, type, signal } = {}) {
  const options = { method, headers: { ...headers }, body, signal };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  } else if (type) {
    options.headers["Content-Type"] = type;
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The node does not answer." });
  }
  return read(answer.status, await answer.text());
}

function read(status, text) {
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    body = { detail: text.slice(0, 500) };
  }
  if (status < 200 || status > 299) throw new ApiError(status, body);
  return body;
}

// address is a path with a query. Empty parameters are left out.
export function address(path, params) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params ?? {})) {
    for (const v of [value].flat()) if (v !== "" && v !== null && v !== undefined) query.append(key, v);
  }
  const text = query.toString();
  return text ? path + "?" + text : path;
}

// get requests a list or an object. A parameter that the API does not know is an error: ignored, it
// would show too many rows.
export const get = (path, params, options) => ask(address(path, { ...params, strict: "true" }), options);

// pages yields the pages of a list, one by one.
export async function* pages(path, params, limit = 10000, signal) {
  for (let offset = 0;; offset += limit) {
    const page = await get(path, { ...params, limit, offset: offset || "" }, { signal });
    yield page;
    if (!page.next) return;
  }
}

// count returns how many rows a list has.
export const count = async (path, params) => (await get(path, { ...params, limit: 1 })).count;

// nameableGroups returns the groups that a user can share with: all groups for a superuser, and the
// user's own for others.
export const nameableGroups = async (who) =>
  (await get("/api/groups/", who.superuser ? { all: "true", limit: 1000 } : { limit: 1000 })).results;

// send posts a form with files and reports the part that was sent, from 0 to 1.
export function send(path, form, progress = () => {}, signal = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    signal?.addEventListener("abort", () => {
      request.abort();
      reject(signal.reason); // an AbortError
    });
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, { detail: "The node does not answer." }));
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    };
    request.send(form);
  });
}
