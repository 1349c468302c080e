// Looks: light, dark, and night, which is red on black for dark-adapted eyes. look.js sets the
// first one.

const names = ["light", "dark", "night"];
const watchers = new Set();

export const look = () => document.documentElement.dataset.look;

export function setLook(name) {
  if (!names.includes(name)) return;
  document.documentElement.dataset.look = name;
  try {
    localStorage.setItem("nightjar-look", name);
  } catch {
    // not remembered
  }
  for (const fn of watchers) fn(name);
}

// onLook calls fn whenever the look changes, as long as the element is part of the page.
export function onLook(element, fn) {
  const watch = (name) => {
    if (element.isConnected) fn(name);
    else watchers.delete(watch);
  };
  watchers.add(watch);
}

export const nextLook = () => setLook(names[(names.indexOf(look()) + 1) % names.length]);

// colour returns a colour of the look by its name, such as "ink".
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

export { names as lookNames };
