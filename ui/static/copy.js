// Copying a text, also where the browser denies the clipboard to pages without TLS.
import { h } from "./dom.js";
import { notice } from "./notice.js";

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen", readonly: true }, text);
    // text behind an open dialogue cannot be selected
    const within = document.querySelector("dialog[open]") ?? document.body;
    within.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return notice("The browser did not allow copying.", true);
  }
  notice("Copied.");
}

// copyButton copies a text, or what the function text returns.
export const copyButton = (text, label = "Copy", what = "") =>
  h("button", { type: "button", class: "copy", "aria-label": what ? label + " " + what : label,
    title: what ? label + " " + what : null, onclick: () => copy(typeof text === "function" ? text() : text) }, label);

// save lets the browser save a text or a blob as a file.
export function save(name, content, type = "text/plain") {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
