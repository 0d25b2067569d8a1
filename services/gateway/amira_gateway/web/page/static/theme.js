/** Light, dark, or as the system has it; remembered by the browser. */

const THEMES = { auto: ["◐ Auto", "as the system"], light: ["☀ Light", "light"], dark: ["☾ Dark", "dark"] };

/** @param {HTMLButtonElement} button goes through the themes @param {() => void} changed */
export function setUpTheme(button, changed) {
  const names = Object.keys(THEMES);
  let current = localStorage.getItem("amira-theme");
  const apply = (name) => {
    current = names.includes(name) ? name : "auto";
    document.documentElement.dataset.theme = current;
    [button.textContent] = THEMES[current];
    button.setAttribute("aria-label", `Colours: ${THEMES[current][1]}`);
    changed();
  };
  button.addEventListener("click", () => {
    apply(names[(names.indexOf(current) + 1) % names.length]);
    localStorage.setItem("amira-theme", current);
  });
  apply(current);
}
