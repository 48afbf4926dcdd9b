// The last decisions, newest first, each with why. While somebody reads the list it stands still.

import { ago, count, el, percent, trimmed, write } from "/kit/kit.js";

const SHOWN = 60;
const SHORT = {
  ImageLocality: "Images",
  InterPodAffinity: "Pod affinity",
  NodeAffinity: "Node affinity",
  NodeResourcesBalancedAllocation: "Balance",
  NodeResourcesFit: "Free room",
  PodTopologySpread: "Spread",
  TaintToleration: "Taints",
};
const list = document.getElementById("decisions");
const note = document.getElementById("decisions-note");
const held = [];
let open;
let mode = "";
let agreed = "";

export function start(details) {
  open = details;
  for (const name of ["pointerleave", "focusout"]) list.addEventListener(name, () => setTimeout(release));
  setInterval(() => {
    for (const time of list.querySelectorAll("time")) write(time, ago(time.dateTime));
  }, 1000);
}

/** How often another scheduler chose as we would have. */
export function agreement(value) {
  mode = value.mode;
  agreed = value.judged ? `${percent(value.agreed, value.judged)} of ${count(value.judged, "decision")} as Stowage would` : "";
  say();
}

function say() {
  const waiting = held.length ? `${count(held.length, "newer one")} when you leave the list` : "";
  const first = list.children.length ? "" : mode === "shadow" ? "The next pod that is bound comes here." : "None since this page was opened.";
  write(note, waiting || agreed || first);
}

export function take(decisions) {
  held.push(...decisions);
  if (held.length > 2 * SHOWN) held.splice(0, held.length - SHOWN);
  release();
}

function release() {
  if (list.matches(":hover, :focus-within") && list.children.length) return say();
  list.prepend(...held.reverse().map(row));
  held.length = 0;
  while (list.children.length > SHOWN) list.lastChild.remove();
  say();
}

function row(decision) {
  const { pod, result } = decision;
  const name = el("button", { class: "link", type: "button", onclick: () => open.pod(pod.namespace, pod.name) }, `${pod.namespace}/${pod.name}`);
  const parts = [el("span", { class: `sign ${result}`, "aria-label": result }, { scheduled: "✓", unschedulable: "✕", error: "!" }[result] ?? "?"), name];
  if (result === "scheduled") {
    parts.push(" → ", el("button", { class: "link", type: "button", onclick: () => open.node(decision.node) }, decision.node));
  }
  return el(
    "li",
    { class: result, "data-pod": `${pod.namespace}/${pod.name}` },
    el("div", { class: "what" }, ...parts, el("time", { class: "soft number", datetime: decision.time }, ago(decision.time))),
    ...why(decision),
  );
}

/** Why, in a line or two: scores and the runner-up, the other scheduler's choice, or the sentence. */
export function why(decision) {
  const lines = [];
  if (decision.ours) lines.push(compared(decision));
  if (decision.result === "scheduled" && decision.score !== undefined) {
    const feasible = decision.feasible === undefined ? "" : `${decision.feasible}/${decision.evaluated} fit`;
    const lead = decision.runnerUp ? `${decision.margin} ahead of ${decision.runnerUp.node}` : "";
    const ties = decision.ties > 1 ? `drawn of ${decision.ties} equals` : "";
    lines.push(el("p", { class: "soft number" }, [`score ${decision.score}`, ties, lead, feasible].filter(Boolean).join(" · ")));
  }
  if (decision.why && Object.keys(decision.why).length) lines.push(shares(decision.why));
  if (decision.message) lines.push(el("p", { class: "sentence" }, decision.message));
  if (decision.preempted?.length) lines.push(el("p", { class: "soft" }, `makes room on ${decision.nominatedNode} by ending ${decision.preempted.join(", ")}`));
  return lines;
}

/** What Stowage would have chosen, beside what was chosen. */
function compared({ ours, agrees, node }) {
  if (agrees && !ours.node) return el("p", { class: "agrees" }, "Stowage: no node either");
  if (!node) return el("p", { class: "differs" }, `Stowage: ${ours.node}`);
  if (agrees) return el("p", { class: "agrees" }, ours.ties > 1 ? `Stowage: one of its ${ours.ties} best` : "Stowage: the same node");
  if (!ours.node) return el("p", { class: "differs" }, `Stowage: no node; ${ours.message}`);
  const place = ours.refused ? `${node} does not fit: ${ours.refused}` : `${node} is ${trimmed(ours.behind)} behind`;
  const others = ours.ties > 1 ? ` or ${count(ours.ties - 1, "equal")}` : "";
  return el("p", { class: "differs" }, `Stowage: ${ours.node}${others}; ${place}`);
}

/** The plugins' shares of a score, as a bar; its parts are written beside it for whoever sees no colours. */
function shares(points) {
  const parts = Object.entries(points).sort((a, b) => b[1] - a[1]);
  const text = parts.map(([plugin, value]) => `${SHORT[plugin] ?? plugin} ${value}`).join(" · ");
  const bars = parts.map(([plugin, value]) => {
    const part = el("i", { "data-plugin": plugin, title: `${plugin} ${value}` });
    part.style.flexGrow = value;
    return part;
  });
  return el("div", { class: "why" }, el("div", { class: "shares", "aria-hidden": "true" }, ...bars), el("span", { class: "plugins soft number" }, text));
}
