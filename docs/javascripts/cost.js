// The cost page: what hours of audio cost on machines of one's own and at hosted services. Prices and capacity come from cost.json alone.

/**
 * USD a month.
 * @param {{streams_per_core: number, machines: object[], services: object[]}} figures as in cost.json
 * @param {{hours: number, filled: number, streamsPerCore: number, otherUsd: number}} wishes audio a month in hours; share of places in use, (0, 1];
 *   what else machines of one's own cost a month
 * @returns {{name: string, date: string, usd: number, machines: number|null}[]} machines: how many run all the time
 */
function monthlyCosts(figures, wishes) {
  const hoursAMonth = 730;
  const streams = wishes.hours / hoursAMonth;
  const own = figures.machines.map((machine) => {
    const places = machine.cores * wishes.streamsPerCore * wishes.filled;
    const machines = Math.max(1, Math.ceil(streams / places));
    return { name: machine.name, date: machine.date, usd: machines * machine.usd_per_hour * hoursAMonth + wishes.otherUsd, machines };
  });
  const hosted = figures.services.map((service) => {
    return { name: service.name, date: service.date, usd: service.usd_per_minute * 60 * wishes.hours, machines: null };
  });
  return own.concat(hosted);
}

function showCosts(place, figures) {
  const inputs = [
    ["hours", "hours of audio a month", 10000, 1, 1e9],
    ["filled", "share of places in use, on average", figures.filled, 0.01, 1],
    ["streamsPerCore", "streams per core (measured: " + figures.streams_per_core + ")", figures.streams_per_core, 0.1, 1e4],
    ["otherUsd", "USD a month that machines of your own cost besides: people, traffic, disks, a second zone", 0, 0, 1e9],
  ].map(([name, label, value, min, max]) => {
    const input = Object.assign(document.createElement("input"), { type: "number", name, min, max, step: "any", value });
    const row = document.createElement("label");
    row.style.display = "block";
    input.style.cssText = "border: 1px solid; border-radius: 2px; padding: 0 4px; margin: 2px 0; width: 9em; color: inherit";
    row.append(input, " " + label);
    place.append(row);
    return input;
  });
  const table = document.createElement("table");
  place.append(table);
  const update = () => {
    const wishes = Object.fromEntries(inputs.map((input) => [input.name, Number(input.value)]));
    const rows = inputs.every((input) => input.value && input.checkValidity()) ? monthlyCosts(figures, wishes) : [];
    table.replaceChildren(...[["", "USD a month", "machines", "price of"]].concat(
      rows.map((row) => [row.name, Math.round(row.usd).toLocaleString("en"), row.machines ?? "", row.date]),
    ).map((cells, line) => {
      const row = document.createElement("tr");
      row.append(...cells.map((cell) => Object.assign(document.createElement(line ? "td" : "th"), { textContent: cell })));
      return row;
    }));
  };
  inputs.forEach((input) => input.addEventListener("input", update));
  update();
}

if (typeof document !== "undefined") {
  const place = document.getElementById("cost");
  if (place) {
    fetch(place.dataset.source)
      .then((answer) => answer.json())
      .then((figures) => showCosts(place, figures))
      .catch((error) => place.append("The figures cannot be read: " + error.message));
  }
} else {
  module.exports = { monthlyCosts };
}
