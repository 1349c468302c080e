// Asking the REST API.

// ApiError is an answer that refuses. fields is its body, which has messages by field.
export class ApiError extends Error {
  constructor(status, body) {
    super(reason(body) || "The node answered with status " + status + ".");
    this.status = status;
    this.fields = body;
  }
}

// reason makes one text of the API's messages, whatever their shape; a field's name stands before its messages.
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

// ask sends a request and gives the JSON of the answer, null for none. json is sent as such; body and type are sent as they are.
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

// address is a path with a query; what is empty is left out.
export function address(path, params) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params ?? {})) {
    for (const v of [value].flat()) if (v !== "" && v !== null && v !== undefined) query.append(key, v);
  }
  const text = query.toString();
  return text ? path + "?" + text : path;
}

// get asks for a list or an object; a parameter that the API does not know is an error, since it would widen what is shown.
export const get = (path, params, options) => ask(address(path, { ...params, strict: "true" }), options);

// pages gives the pages of a list, one by one.
export async function* pages(path, params, limit = 10000, signal) {
  for (let offset = 0;; offset += limit) {
    const page = await get(path, { ...params, limit, offset: offset || "" }, { signal });
    yield page;
    if (!page.next) return;
  }
}

// count asks how many rows a list has.
export const count = async (path, params) => (await get(path, { ...params, limit: 1 })).count;

// send posts a form with files and tells how much has gone, from 0 to 1.
export function send(path, form, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
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
