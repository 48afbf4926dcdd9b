// The map of the nodes: zone by zone, a cell each, filled as far as its pods request it.

import { bytes, cores, count, el, percent, write } from "/kit/kit.js";

const zones = document.getElementById("zones");
const readout = document.getElementById("readout");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const hint = readout.textContent;
const natural = new Intl.Collator("en", { numeric: true });

const nodes = new Map();
const cells = new Map();
let measure = "cpu";
let open = () => {};
let current = "";

export function start(onopen) {
  open = onopen;
  for (const input of document.querySelectorAll("#measure input")) {
    input.addEventListener("change", () => {
      measure = input.value;
      for (const name of cells.keys()) paint(name);
    });
  }
  zones.addEventListener("click", (event) => open(event.target.closest(".cell")?.dataset.node));
  zones.addEventListener("pointerover", (event) => read(event.target.closest(".cell")?.dataset.node));
  zones.addEventListener("pointerleave", () => read());
  zones.addEventListener("focusin", (event) => {
    read(event.target.dataset.node);
    rove(event.target);
  });
  zones.addEventListener("keydown", move);
}

/** Only one cell is a tab stop; the arrow keys go on from there. */
function rove(cell) {
  for (const other of zones.querySelectorAll('.cell[tabindex="0"]')) other.tabIndex = -1;
  cell.tabIndex = 0;
}

function move(event) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  if (step === undefined || !event.target.matches(".cell")) return;
  event.preventDefault();
  const all = [...zones.querySelectorAll(".cell")];
  const from = event.target;
  let at = all.indexOf(from) + (Math.abs(step) === 10 ? 0 : step);
  if (Math.abs(step) === 10) {
    // The next cell above or below, by where it is drawn.
    const here = from.getBoundingClientRect();
    const lower = (cell) => Math.sign(step) * (cell.getBoundingClientRect().top - here.top) > 2;
    const way = (cell) => {
      const there = cell.getBoundingClientRect();
      return 1000 * Math.abs(there.top - here.top) + Math.abs(there.left - here.left);
    };
    const best = all.filter(lower).sort((a, b) => way(a) - way(b))[0];
    at = best ? all.indexOf(best) : at;
  }
  all[Math.min(all.length - 1, Math.max(0, at))].focus();
}

export function take({ whole, changed, gone }) {
  if (whole) {
    nodes.clear();
    cells.clear();
    zones.replaceChildren();
  }
  for (const name of gone) remove(name);
  // In the order of the map: each then goes to the end, or nearly.
  for (const node of changed.sort((a, b) => natural.compare(a.name, b.name))) {
    const before = nodes.get(node.name);
    if (before && before.zone !== node.zone) remove(node.name);
    nodes.set(node.name, node);
    if (!cells.has(node.name)) insert(node);
    paint(node.name);
  }
  zones.dataset.size = nodes.size <= 150 ? "large" : nodes.size <= 900 ? "middle" : "small";
  write(document.getElementById("map-count"), nodes.size ? `${count(nodes.size, "node")} in ${count(zones.children.length, "zone")}` : "");
  if (!zones.querySelector('.cell[tabindex="0"]')) zones.querySelector(".cell")?.setAttribute("tabindex", "0");
  if (current) read(nodes.has(current) ? current : undefined);
}

function remove(name) {
  const cell = cells.get(name);
  const zone = cell?.closest(".zone");
  cell?.remove();
  if (zone && !zone.querySelector(".cell")) zone.remove();
  cells.delete(name);
  nodes.delete(name);
}

function insert(node) {
  let zone = [...zones.children].find((each) => each.dataset.zone === node.zone);
  if (!zone) {
    zone = el("div", { class: "zone", "data-zone": node.zone }, el("h3", {}, node.zone || "no zone"), el("div", { class: "cells" }));
    const next = [...zones.children].find((each) => natural.compare(each.dataset.zone, node.zone) > 0);
    zones.insertBefore(zone, next ?? null);
  }
  const cell = el("button", { class: "cell", type: "button", "data-node": node.name, tabindex: "-1" });
  const held = zone.lastChild;
  // Nodes mostly come in order: look from the end.
  let after = held.lastElementChild;
  while (after && natural.compare(after.dataset.node, node.name) > 0) after = after.previousElementSibling;
  held.insertBefore(cell, after ? after.nextElementSibling : held.firstElementChild);
  cells.set(node.name, cell);
}

function paint(name) {
  const node = nodes.get(name);
  const cell = cells.get(name);
  const [used, free] = node[measure];
  const share = free > 0 ? Math.min(1, used / free) : 0;
  cell.style.setProperty("--fill", share.toFixed(3));
  cell.classList.toggle("cordoned", node.cordoned);
  cell.classList.toggle("lost", !node.ready);
  cell.setAttribute("aria-label", sentence(node));
}

function sentence(node) {
  const part = (word, [used, free], unit) => `${word} ${unit(used)} of ${unit(free)} (${percent(used, free)})`;
  const marks = [node.ready ? "" : "not ready", node.cordoned ? "cordoned" : "", node.taints ? count(node.taints, "taint") : ""];
  return [
    node.name,
    node.zone,
    part("CPU", node.cpu, cores),
    part("memory", node.memory, bytes),
    `pods ${node.pods[0]} of ${node.pods[1]}`,
    ...marks,
  ]
    .filter(Boolean)
    .join(" · ");
}

function read(name) {
  current = name ?? "";
  write(readout, name ? sentence(nodes.get(name)) : hint);
}

/** A pod was placed there. */
export function flash(name) {
  const cell = cells.get(name);
  if (!cell || calm.matches) return;
  const glow = getComputedStyle(cell).getPropertyValue("--glow");
  cell.animate([{ boxShadow: `0 0 0 4px ${glow}` }, { boxShadow: "0 0 0 0 transparent" }], { duration: 900, easing: "ease-out" });
}
