// Short messages at the foot of the page, and questions in a dialogue.
import { fill, h } from "./dom.js";

// notice says something for some seconds; what went wrong stays until it is closed.
export function notice(text, bad = false) {
  const box = h("p", { class: bad ? "notice bad" : "notice" }, text, " ",
    h("button", { type: "button", class: "plain", "aria-label": "Close the message", onclick: () => box.remove() },
      "×"));
  document.getElementById("notices").append(box);
  if (!bad) setTimeout(() => box.remove(), 6000);
}

// failed says what went wrong.
export const failed = (error) => {
  if (error.name !== "AbortError") notice(error.message, true);
};

// dialogue shows something until it is closed. It gives the element.
export function dialogue(title, ...content) {
  const box = h("dialog", { "aria-label": title, onclose: () => box.remove() },
    h("header", {}, h("h2", {}, title),
      h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => box.close() }, "×")),
    content);
  document.body.append(box);
  box.showModal();
  return box;
}

// confirmed asks whether something is to be done, and says what that means. do_ is awaited while the dialogue is open; the dialogue stays if it fails.
export function confirmed(title, content, verb, do_) {
  return new Promise((resolve) => {
    const error = h("p", { role: "alert" });
    const yes = h("button", { type: "submit", class: "danger" }, verb);
    const box = dialogue(title, h("form", {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        yes.disabled = true;
        try {
          await do_();
          resolve(true);
          box.close();
        } catch (problem) {
          fill(error, problem.message);
          yes.disabled = false;
        }
      },
    }, content, error,
      h("div", { class: "row" }, yes, h("button", { type: "button", onclick: () => box.close() }, "Keep it"))));
    box.addEventListener("close", () => resolve(false));
  });
}
