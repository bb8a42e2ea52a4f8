// Numbers, units and times, as people read them.

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const number = (value) => (Number.isFinite(value) ? numbers.format(value) : "–");

/** A UCUM unit as people write it: `{pedestrians}/h` is `pedestrians/h`, `Cel` is °C, and `1` is nothing. */
export const unit = (ucum) => (ucum === "1" ? "" : ucum.replace(/[{}]/g, "").replace(/\bCel\b/, "°C"));

/** So many seconds, in its two largest parts. */
export function duration(seconds) {
  const parts = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, length]) => seconds >= length);
  if (first < 0) return "0 s";
  let rest = Math.floor(seconds);
  const words = parts.slice(first, first + 2).map(([name, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return `${count} ${name}`;
  });
  return words.join(" ");
}

/** Times as the clocks of one zone show them. */
export class Zone {
  constructor(name) {
    const format = (options) => {
      try {
        return new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone: name });
      } catch {
        return new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone: "UTC" });
      }
    };
    const [two, short] = ["2-digit", "short"];
    this.name = name;
    this.place = name.split("/").at(-1).replaceAll("_", " ");
    this.parts = format({ year: "numeric", month: two, day: two, hour: two, minute: two });
    this.moment = format({ weekday: short, day: "numeric", month: short, hour: two, minute: two });
    this.clock = format({ weekday: short, day: "numeric", month: short, year: "numeric", hour: two, minute: two });
    this.exact = format({ weekday: short, day: "numeric", month: short, hour: two, minute: two, second: two });
    this.hour = format({ hour: two, minute: two });
    this.day = format({ weekday: short, day: "numeric" });
    this.date = format({ day: "numeric", month: short });
  }

  /** What the zone's wall clock shows, as if it were UTC: good for rounding to hours and days. */
  wall(time) {
    const part = Object.fromEntries(this.parts.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute) + (time % MINUTE);
  }

  /** The moment at which the wall clock shows this. */
  moment_of(wall) {
    const guess = wall - (this.wall(wall) - wall);
    return guess - (this.wall(guess) - wall);
  }

  /** The moments in a range at which the wall clock shows a multiple of `step`. */
  ticks(from, to, step) {
    // The epoch was a Thursday; weeks begin on Mondays.
    const origin = step % (7 * DAY) === 0 ? 4 * DAY : 0;
    const ticks = [];
    let wall = Math.ceil((this.wall(from) - origin) / step) * step + origin;
    for (let time = this.moment_of(wall); time <= to && ticks.length < 400; time = this.moment_of((wall += step))) {
      if (time >= from) ticks.push({ time, wall });
    }
    return ticks;
  }
}

/** The least of 1, 2, 5, 10, 20, 50, ... that is not less. */
export function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= value * 0.999999);
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An HTML element with properties and children. */
export function html(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
