// The look is set before anything is drawn: light, dark or night, and what the system asks for when nothing was chosen. look.js is the one script that is
// no module, since modules run too late for this.
(() => {
  let look = null;
  try {
    look = localStorage.getItem("nightjar-look");
  } catch {
    // storage may be forbidden: then the look is not remembered
  }
  if (!["light", "dark", "night"].includes(look))
    look = matchMedia("(prefers-color-scheme: dark)").matches
      ? "dark"
      : "light";
  document.documentElement.dataset.look = look;
})();
