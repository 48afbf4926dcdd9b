// A closer look at one node or pod, in a dialog.

import { ago, bytes, cores, count, el, percent } from "/kit/kit.js";
import { why } from "./decisions.js";

const dialog = document.getElementById("detail");
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

async function show(kind, title, address, make) {
  const body = el("div", { class: "body" });
  dialog.replaceChildren(
    el(
      "header",
      {},
      el("span", { class: "soft" }, kind),
      el("h2", { id: "detail-title" }, title),
      el("button", { class: "close", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, "×"),
    ),
    body,
  );
  if (!dialog.open) dialog.showModal();
  try {
    const answer = await fetch(address);
    const value = await answer.json();
    body.append(...(answer.ok ? make(value) : [el("p", {}, value.error)]));
  } catch {
    body.append(el("p", {}, "Stowage does not answer."));
  }
}

export function node(name) {
  if (!name) return;
  show("Node", name, `/api/nodes/${encodeURIComponent(name)}`, ({ node: at, pods, labels, taints, conditions, since }) => [
    facts({
      Zone: at.zone || "none",
      State: [at.ready ? "ready" : "not ready", at.cordoned ? "cordoned" : ""].filter(Boolean).join(", "),
      Conditions: conditions.join(", ") || "none",
      Age: ago(since),
      CPU: `${cores(at.cpu[0])} of ${cores(at.cpu[1])} cores requested (${percent(...at.cpu)})`,
      Memory: `${bytes(at.memory[0])} of ${bytes(at.memory[1])} requested (${percent(...at.memory)})`,
      Taints: taints.join(", ") || "none",
    }),
    el("h3", {}, count(pods.length, "pod")),
    table(
      ["Pod", "CPU", "Memory", "Priority", "Phase"],
      pods.map((each) => [
        el("button", { class: "link", type: "button", onclick: () => pod(each.namespace, each.name) }, `${each.namespace}/${each.name}`),
        cores(each.cpu),
        bytes(each.memory),
        String(each.priority),
        each.leaving ? "Terminating" : each.phase,
      ]),
    ),
    el("h3", {}, "Labels"),
    facts(labels),
  ]);
}

export function pod(namespace, name) {
  const address = `/api/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  show("Pod", `${namespace}/${name}`, address, ({ pod: each, decision }) => [
    facts({
      Node: each.node ? el("button", { class: "link", type: "button", onclick: () => node(each.node) }, each.node) : each.nominated ? `none; ${each.nominated} is kept for it` : "none",
      Phase: each.leaving ? "Terminating" : each.phase,
      Requests: `${cores(each.cpu)} cores, ${bytes(each.memory)}`,
      Priority: String(each.priority),
      Scheduler: each.scheduler,
      Age: ago(each.since),
    }),
    each.message ? el("p", { class: "sentence" }, each.message) : null,
    el("h3", {}, "Last decision"),
    ...(decision ? account(decision) : [el("p", { class: "soft" }, "None was made since this page's server began to look.")]),
  ].filter(Boolean));
}

function account(decision) {
  const points = Object.entries(decision.why ?? {}).sort((a, b) => b[1] - a[1]);
  const time = decision.seconds === undefined ? "" : ` in ${(1000 * decision.seconds).toFixed(1)} ms`;
  return [
    el("p", {}, `${decision.result}${decision.node ? ` on ${decision.node}` : ""}${time}${decision.attempts > 1 ? `, at attempt ${decision.attempts}` : ""}`),
    ...why({ ...decision, why: undefined }),
    points.length ? table(["Plugin", "Weighted score"], points.map(([plugin, value]) => [plugin, String(value)])) : null,
  ].filter(Boolean);
}

function facts(pairs) {
  return el("dl", { class: "facts" }, ...Object.entries(pairs).flatMap(([key, value]) => [el("dt", { class: "soft" }, key), el("dd", {}, value)]));
}

function table(heads, rows) {
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", { class: "number" }, cell))))),
  );
}
