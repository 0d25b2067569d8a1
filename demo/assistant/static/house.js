/** The drawn rooms with their lights, the lights' switches, and the timers. */

const COLOURS = {
  "warm white": "#ffd9a0", white: "#f4f7ff", red: "#ff4b3e", orange: "#ff9a2e", yellow: "#ffe14a", green: "#58e06b",
  blue: "#4f8dff", purple: "#b06bff", pink: "#ff8ac4",
};

export class House {
  /** @param {(light: string) => void} toggle @param {(number: number) => void} cancel */
  constructor(at, toggle, cancel) {
    this._drawing = at("drawing");
    this._switches = at("lights");
    this._timing = at("timing");
    this._timers = at("timers");
    this._toggle = toggle;
    this._cancel = cancel;
    this._running = [];
    setInterval(() => this._count(), 200);
  }

  /** @param {{lights: object[], timers: object[]}} state as the assistant tells it */
  show({ lights, timers }) {
    for (const light of lights) this._light(light);
    const told = lights.map((light) => `${light.name} ${describe(light)}`).join(", ");
    this._drawing.setAttribute("aria-label", `Three rooms: ${told}`);
    const now = performance.now();
    this._running = timers.map((timer) => ({ ...timer, endsAt: now + timer.left * 1000 }));
    this._timing.hidden = timers.length === 0;
    this._timers.replaceChildren(...this._running.map((timer) => this._timer(timer)));
    this._count();
  }

  _light(light) {
    const glow = this._drawing.querySelector(`[data-light="${light.name}"]`);
    glow.style.fill = COLOURS[light.colour] ?? COLOURS.white;
    glow.style.opacity = light.on ? 0.3 + 0.7 * (light.level / 100) : 0;
    const button = this._switches.querySelector(`[data-name="${light.name}"]`) ?? this._addSwitch(light.name);
    button.setAttribute("aria-checked", String(light.on));
    button.querySelector("small").textContent = describe(light);
  }

  _addSwitch(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.name = name;
    button.setAttribute("role", "switch");
    button.append(`${name[0].toUpperCase()}${name.slice(1)} `, document.createElement("small"));
    button.addEventListener("click", () => this._toggle(name));
    const item = document.createElement("li");
    item.append(button);
    this._switches.append(item);
    return button;
  }

  _timer(timer) {
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.setAttribute("role", "timer");
    time.setAttribute("aria-label", timer.name);
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "small";
    cancel.textContent = "Cancel";
    cancel.setAttribute("aria-label", `Cancel the ${timer.name}`);
    cancel.addEventListener("click", () => this._cancel(timer.number));
    item.append(time, timer.name, cancel);
    timer.time = time;
    return item;
  }

  _count() {
    for (const timer of this._running) {
      const text = clock(Math.max(0, Math.ceil((timer.endsAt - performance.now()) / 1000)));
      if (timer.time.textContent !== text) timer.time.textContent = text;
    }
  }
}

function describe({ on, level, colour }) {
  if (!on) return "off";
  return [level < 100 ? `${level} %` : "on", colour === "warm white" ? "" : colour].filter(Boolean).join(", ");
}

function clock(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}
