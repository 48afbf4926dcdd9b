// What every page shares: elements without markup in strings, the live stream, and how amounts are written.

/** Makes an element. Text comes in as text only, so nothing that a cluster says can become markup. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Changes a text only where it differs, so that selections and screen readers are left in peace. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Follows a stream of server-sent events; `handlers` by event name take the value, `state` hears whether
 * the page is connected. The browser comes back by itself but for an answer that is an error; then we do.
 */
export function follow(address, handlers, state) {
  const source = new EventSource(address);
  source.onopen = () => state(true);
  source.onerror = () => {
    state(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(address, handlers, state), 2000);
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
}

/** Millicores as cores: 8, 0.25. */
export function cores(milli) {
  return trimmed(milli / 1000);
}

/** Bytes in binary units: 1.5 GiB. */
export function bytes(amount) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let at = 0;
  while (amount >= 1024 && at < units.length - 1) {
    amount /= 1024;
    at += 1;
  }
  return `${trimmed(amount)} ${units[at]}`;
}

/** A share as whole per cent; a dash where there is nothing to share. */
export function percent(part, whole) {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–";
}

/** How long ago a time was: 5 s, 3 min, 2 h, 4 d. */
export function ago(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

/** A number with as many digits as help. */
export function trimmed(value) {
  return value.toLocaleString("en", { maximumFractionDigits: value >= 100 ? 0 : value >= 10 ? 1 : 2 });
}

/** How many of something: 1 node, 5 nodes. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
