// Making elements. Strings become text nodes, never markup, so uploaded text cannot become part of
// a page.

// h makes an element. Properties whose names begin with "on" are listeners; class, dataset and
// attributes have their own names; null and false are left out. A click or submit does nothing
// while the promise that the listener returned for the last one is pending.
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick" || name === "onsubmit") element.addEventListener(name.slice(2), oneAtATime(value));
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "selected" || name === "indeterminate")
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function oneAtATime(listener) {
  let pending = false;
  return (event) => {
    if (pending) return event.preventDefault();
    const result = listener(event), element = event.currentTarget;
    if (!(result instanceof Promise)) return;
    pending = true;
    element.setAttribute("aria-busy", "true");
    result.finally(() => {
      pending = false;
      element.removeAttribute("aria-busy");
    });
  };
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
}

// fill replaces the content of an element.
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let last = 0;

// newID returns an unused id.
export const newID = () => "e" + ++last;

// field is a labelled control with its help and its error message.
export function field(label, control, { help, name } = {}) {
  control.id ||= newID();
  const helpID = control.id + "-help", errorID = control.id + "-error";
  control.setAttribute("aria-describedby", helpID + " " + errorID);
  return h("div", { class: "field", dataset: { field: name ?? control.name ?? "" } },
    h("label", { for: control.id }, label), control, h("small", { id: helpID, class: "help" }, help),
    h("small", { id: errorID, class: "error" }));
}

// select makes a select element from pairs of value and label.
export function select(props, choices, chosen) {
  return h("select", props,
    choices.map(([value, label]) => h("option", { value, selected: String(value) === String(chosen ?? "") }, label)));
}

// later delays fn until there has been no call for ms milliseconds.
export function later(ms, fn) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(fn, ms, ...args);
  };
}
