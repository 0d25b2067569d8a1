/** How captions look and what they hear, as the address has it: every setting is a query parameter. */

const number = (least, most, usual) => ({ usual, read: (text) => ranged(text, least, most), hint: `a number from ${least} to ${most}` });
const choice = (...names) => ({ usual: names[0], read: (text) => (names.includes(text) ? text : undefined), hint: names.join(", ") });
const colour = (usual) => ({ usual, read: colourOf, hint: "none, a name, or hexadecimal as ffcc00 or ffcc0080" });
const text = (most) => ({ usual: "", read: (value) => (value.length <= most ? value.trim() : undefined), hint: `at most ${most} characters` });
const flag = (usual) => ({ usual, read: (value) => ({ on: true, off: false })[value], hint: "on or off" });
const family = { usual: "", read: (value) => (/^[\p{L}\p{N} _-]{0,60}$/u.test(value) ? value.trim() : undefined), hint: "the name of one font" };

/** Name of each parameter: its usual value, and how it is read. */
export const SETTINGS = {
  size: number(12, 300, 48),
  lines: number(1, 8, 2),
  width: number(20, 100, 80),
  position: choice("bottom", "middle", "top"),
  align: choice("center", "left", "right"),
  color: colour("#ffffff"),
  faint: number(30, 100, 55),
  box: colour("#000000a6"),
  outline: colour("#000000"),
  background: colour("transparent"),
  font: family,
  weight: number(100, 900, 600),
  uppercase: flag(false),
  hold: number(0, 600, 8),
  interim: choice("all", "stable", "off"),
  pause: choice("standard", "short", "very-short"),
  model: text(200),
  language: text(35),
  microphone: text(200),
  hotwords: text(4000),
  controls: flag(true),
};

/**
 * @param {string} query as in `location.search`
 * @returns {{settings: object, problems: string[]}} what cannot be used is left at its usual value, and told
 */
export function readSettings(query) {
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(([name, { usual }]) => [name, usual]));
  const problems = [];
  for (const [name, given] of new URLSearchParams(query)) {
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    const value = setting?.read(given);
    if (setting === undefined) problems.push(`There is no setting “${name.slice(0, 40)}”.`);
    else if (value === undefined) problems.push(`“${name}” is to be ${setting.hint}.`);
    else settings[name] = value;
  }
  return { settings, problems };
}

/** @returns {string} the query that gives these settings, without those that have their usual value */
export function queryOf(settings) {
  const query = new URLSearchParams();
  for (const [name, { usual }] of Object.entries(SETTINGS)) {
    const value = settings[name];
    if (value === usual) continue;
    if (typeof value === "boolean") query.set(name, value ? "on" : "off");
    else query.set(name, String(value).replace(/^#/, ""));
  }
  return query.toString();
}

/** Puts the look into custom properties and data attributes of `root`; the style sheet does the rest. */
export function applyLook(settings, root) {
  const look = {
    "--size": `${settings.size}px`,
    "--lines": settings.lines,
    "--width": `${settings.width}%`,
    "--text": settings.color,
    "--faint": `${settings.faint}%`,
    "--box": settings.box,
    "--outline": settings.outline,
    "--page": settings.background,
    "--font": settings.font ? `"${settings.font}", system-ui, sans-serif` : "system-ui, sans-serif",
    "--weight": settings.weight,
  };
  for (const [name, value] of Object.entries(look)) root.style.setProperty(name, value);
  root.dataset.position = settings.position;
  root.dataset.align = settings.align;
  root.dataset.uppercase = String(settings.uppercase);
}

function ranged(given, least, most) {
  const value = given.trim() === "" ? Number.NaN : Number(given);
  return value >= least && value <= most ? value : undefined;
}

function colourOf(given) {
  const value = given.trim().replace(/^#/, "").toLowerCase();
  if (value === "none") return "transparent";
  if (/^([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/.test(value)) return `#${value}`;
  return /^[a-z]+$/.test(value) && CSS.supports("color", value) ? value : undefined;
}
