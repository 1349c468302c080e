// Short messages at the foot of the page, and questions in a dialogue.
import { fill, h } from "./dom.js";

// notice shows a message for some seconds, or an error until it is closed.
export function notice(text, bad = false) {
  const box = h("p", { class: bad ? "notice bad" : "notice" }, text, " ",
    h("button", { type: "button", class: "plain", "aria-label": "Close the message", onclick: () => box.remove() },
      "×"));
  document.getElementById("notices").append(box);
  if (!bad) setTimeout(() => box.remove(), 6000);
}

// failed shows an error.
export const failed = (error) => {
  if (error.name !== "AbortError") notice(error.message, true);
};

// dialogue shows its content until it is closed, and returns the element.
export function dialogue(title, ...content) {
  const box = h("dialog", { "aria-label": title, onclose: () => box.remove() },
    h("header", {}, h("h2", {}, title),
      h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => box.close() }, "×")),
    content);
  document.body.append(box);
  box.showModal();
  return box;
}

// confirmed asks the user before it calls do_, and says what that does. It awaits do_ while the
// dialogue is open; the dialogue stays open if do_ fails. verb and no label the two buttons.
export function confirmed(title, content, verb, do_, no = "Keep it") {
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
      h("div", { class: "row" }, yes, h("button", { type: "button", onclick: () => box.close() }, no))));
    box.addEventListener("close", () => resolve(false));
  });
}
