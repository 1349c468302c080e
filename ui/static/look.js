// Sets the look (light, dark or night; the system's choice if none was made) before anything is
// drawn. look.js is the only script that is not a module: modules run too late for this.
(() => {
  let look = null;
  try {
    look = localStorage.getItem("nightjar-look");
  } catch {
    // storage may be forbidden; the look is then not remembered
  }
  if (!["light", "dark", "night"].includes(look))
    look = matchMedia("(prefers-color-scheme: dark)").matches
      ? "dark"
      : "light";
  document.documentElement.dataset.look = look;
})();
