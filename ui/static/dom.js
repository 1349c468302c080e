// Making elements. Texts become text nodes, never markup: what was uploaded cannot become part of a page.

// h makes an element. Properties whose name begins with "on" are listeners; class, dataset and attributes go by their names; null and false are left out.
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "selected" || name === "indeterminate")
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
}

// fill replaces what an element holds.
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let last = 0;

// newID is an id that nothing else has.
export const newID = () => "e" + ++last;

// field is a labelled control, with room for help and for what is wrong with it.
export function field(label, control, { help, name } = {}) {
  control.id ||= newID();
  const helpID = control.id + "-help", errorID = control.id + "-error";
  control.setAttribute("aria-describedby", helpID + " " + errorID);
  return h("div", { class: "field", dataset: { field: name ?? control.name ?? "" } },
    h("label", { for: control.id }, label), control, h("small", { id: helpID, class: "help" }, help),
    h("small", { id: errorID, class: "error" }));
}

// select makes a choice of pairs of value and label.
export function select(props, choices, chosen) {
  return h("select", props,
    choices.map(([value, label]) => h("option", { value, selected: String(value) === String(chosen ?? "") }, label)));
}

// later waits until there was no call for some milliseconds.
export function later(ms, fn) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(fn, ms, ...args);
  };
}
