// The pods that wait, with the sentence why, and how long the scheduler's queues are.

import { ago, count, el, trimmed } from "/kit/kit.js";

const list = document.getElementById("pending");
const queues = document.getElementById("queues");
const WORDS = {
  active: "to be tried next",
  backoff: "tried, pausing",
  unschedulable: "waiting for a change that helps",
  gated: "kept out by a scheduling gate",
  waiting: "not tried yet",
};
const NAMED = 4;
const opened = new Set();
let open = () => {};

export function start(onopen) {
  open = onopen;
}

/** The scheduler's own numbers; without them, what the pods' conditions say. */
export function counts(value) {
  const own = Object.keys(value.queue).length > 0;
  const names = own ? ["active", "backoff", "unschedulable", "gated"] : ["waiting", "unschedulable", "gated"];
  const numbers = own ? value.queue : value.states;
  queues.replaceChildren(
    ...names.map((name) => el("li", { title: WORDS[name], class: numbers[name] ? "some" : "soft" }, el("b", {}, trimmed(numbers[name])), ` ${name}`)),
  );
}

/** Pods that wait for the same reason are told together, the oldest first. */
function groups(pods) {
  const found = new Map();
  for (const pod of pods) {
    const key = JSON.stringify([pod.state, pod.message]);
    found.set(key, [...(found.get(key) ?? []), pod]);
  }
  return [...found.values()];
}

function row(pods) {
  const [{ state, message, since }] = pods;
  const links = pods.map((pod) =>
    el("button", { class: "link", type: "button", onclick: () => open(pod.namespace, pod.name) }, `${pod.namespace}/${pod.name}`),
  );
  const more = links.slice(NAMED);
  const key = JSON.stringify([state, message]);
  return el(
    "li",
    { "data-key": key },
    el(
      "div",
      { class: "what" },
      el("span", { class: `state ${state}` }, state),
      el("b", {}, count(pods.length, "pod")),
      el("time", { class: "soft number", datetime: since }, ago(since)),
    ),
    message ? el("p", { class: "sentence" }, message) : null,
    el("div", { class: "names" }, ...links.slice(0, NAMED)),
    more.length
      ? el(
          "details",
          { open: opened.has(key), ontoggle: (event) => (event.target.open ? opened.add(key) : opened.delete(key)) },
          el("summary", {}, `${more.length.toLocaleString("en")} more`),
          el("div", { class: "names" }, ...more),
        )
      : null,
  );
}

export function take({ count: all, pods }) {
  const rows = groups(pods).map(row);
  if (all > pods.length) rows.push(el("li", { class: "soft" }, `and ${count(all - pods.length, "more pod")}`));
  if (!all) rows.push(el("li", { class: "soft" }, "No pod waits."));
  const focused = list.contains(document.activeElement) ? document.activeElement.textContent : "";
  const top = list.scrollTop;
  list.replaceChildren(...rows);
  list.scrollTop = top;
  if (focused) [...list.querySelectorAll("button, summary")].find((each) => each.textContent === focused)?.focus();
}
