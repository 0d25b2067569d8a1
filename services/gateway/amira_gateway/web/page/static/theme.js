/** Light, dark, or as the system has it; remembered by the browser. */

const THEMES = { auto: ["◐ Auto", "Auto: colours as the system has them"], light: ["☀ Light", "Light colours"], dark: ["☾ Dark", "Dark colours"] };

/** @param {HTMLButtonElement} button goes through the themes @param {() => void} changed */
export function setUpTheme(button, changed) {
  const names = Object.keys(THEMES);
  let current = localStorage.getItem("amira-theme");
  const apply = (name) => {
    current = names.includes(name) ? name : "auto";
    document.documentElement.dataset.theme = current;
    const [label, meaning] = THEMES[current];
    button.textContent = label;
    button.setAttribute("aria-label", meaning);
    changed();
  };
  button.addEventListener("click", () => {
    apply(names[(names.indexOf(current) + 1) % names.length]);
    localStorage.setItem("amira-theme", current);
  });
  apply(current);
}
