// The overview: takes the stream's events in and gives each part of the page what concerns it.

import { el, follow, write } from "/kit/kit.js";
import * as decisions from "./decisions.js";
import * as detail from "./detail.js";
import * as figures from "./figures.js";
import * as nodes from "./nodes.js";
import * as pending from "./pending.js";

const banner = document.getElementById("banner");
const links = document.getElementById("links");
const NAMES = { api: "API server", scheduler: "Scheduler" };

/** What is wrong with what the page reads, or with the page's own stream. */
let connected = true;
let known = {};

function state(up) {
  connected = up;
  tell();
}

function tell() {
  const page = [["page", connected ? { up: true } : { up: false, note: "Stowage does not answer; is it still running?" }]];
  const all = connected ? Object.entries(known) : page;
  links.replaceChildren(
    ...all.map(([name, link]) => {
      const label = NAMES[name] ?? "Stowage";
      return el("span", { class: `pill ${link.up ? "up" : "down"}`, id: `link-${name}` }, `${label} ${link.up ? "live" : "lost"}`);
    }),
  );
  const notes = all.filter(([, link]) => !link.up).map(([, link]) => link.note);
  write(banner, notes.join(" · "));
  banner.hidden = notes.length === 0;
  document.body.classList.toggle("stale", notes.length > 0);
}

function told(value) {
  if (JSON.stringify(known) !== JSON.stringify(value.links)) {
    known = value.links;
    tell();
  }
  write(document.getElementById("title"), value.title);
  figures.show(value);
  pending.counts(value);
  decisions.agreement(value);
}

nodes.start(detail.node);
decisions.start(detail);
pending.start(detail.pod);
follow(
  "/api/live",
  {
    nodes: nodes.take,
    pending: pending.take,
    decisions: (list) => {
      decisions.take(list);
      for (const each of list) if (each.result === "scheduled") nodes.flash(each.node);
    },
    figures: told,
  },
  state,
);
