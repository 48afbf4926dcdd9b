// The row of figures, and the pace as a line.

import { bytes, cores, el, percent, svg, trimmed, write } from "/kit/kit.js";

const place = document.getElementById("figures");
const tiles = new Map();

/** One tile: a number, what it is, and a note below. */
function tile(name, value, note, share) {
  let made = tiles.get(name);
  if (!made) {
    const bar = el("div", { class: "bar", "aria-hidden": "true" }, el("i"));
    const parts = { value: el("dd", { class: "number" }), note: el("dd", { class: "soft number" }), bar };
    const root = el("dl", { class: "panel tile" }, el("dt", { class: "soft" }, name), parts.value, parts.note);
    if (share !== undefined) root.append(bar);
    place.append(root);
    tiles.set(name, (made = parts));
  }
  write(made.value, value);
  write(made.note, note);
  if (share !== undefined) made.bar.firstChild.style.width = `${Math.min(100, 100 * share)}%`;
}

export function show(value) {
  const [cpu, memory, pods] = [value.cpu, value.memory, value.pods];
  const waiting = Object.values(value.states).reduce((sum, each) => sum + each, 0);
  const hindered = value.states.unschedulable;
  tile("Nodes", trimmed(value.nodes), value.nodes === value.ready ? "all ready" : `${value.ready} ready`);
  tile("Pods placed", trimmed(value.bound), `room for ${trimmed(pods[1])}`);
  tile("Waiting", trimmed(waiting), hindered ? `${trimmed(hindered)} fit nowhere yet` : "none is stuck");
  tile("CPU requested", percent(...cpu), `${cores(cpu[0])} of ${cores(cpu[1])} cores`, cpu[0] / cpu[1]);
  tile("Memory requested", percent(...memory), `${bytes(memory[0])} of ${bytes(memory[1])}`, memory[0] / memory[1]);
  pace(value.pace);
}

/** Pods placed a second, the last two minutes. */
function pace(seconds) {
  let root = document.getElementById("pace");
  if (!root) {
    root = el(
      "dl",
      { class: "panel tile pace", id: "pace" },
      el("dt", { class: "soft" }, "Pods placed a second"),
      el("dd", { class: "number" }),
      el("dd", { class: "soft number" }),
      svg("svg", { viewBox: "0 0 120 34", preserveAspectRatio: "none", role: "img" }, svg("path", { class: "area" }), svg("path", { class: "line" })),
    );
    place.append(root);
  }
  const [, now, note, picture] = root.children;
  const last = seconds.slice(-5);
  const mean = last.length ? last.reduce((sum, each) => sum + each, 0) / last.length : 0;
  const most = Math.max(1, ...seconds);
  write(now, trimmed(mean));
  write(note, `at most ${trimmed(Math.max(0, ...seconds))}`);
  const start = 120 - seconds.length;
  const points = seconds.map((each, at) => `${start + at + 1},${33 - (31 * each) / most}`);
  const line = points.length ? `M${points.join("L")}` : "";
  picture.children[0].setAttribute("d", line && `${line}L120,34L${start + 1},34Z`);
  picture.children[1].setAttribute("d", line);
  picture.setAttribute("aria-label", `Pods placed a second in the last two minutes: now ${trimmed(mean)}, at most ${trimmed(most)}`);
}
