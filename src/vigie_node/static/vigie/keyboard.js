// SPDX-License-Identifier: Apache-2.0
// One hand on the keyboard: / searches, j and k walk the rows, x selects, Enter opens, ? helps.

import { open } from "./dialogs.js";

const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest(TYPING);
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (act && act(event.target)) event.preventDefault();
  });
}

const KEYS = {
  "/": () => focus(document.querySelector("[data-search]")),
  "?": () => {
    open(document.getElementById("keyboard"));
    return true;
  },
  j: () => walk(1),
  k: () => walk(-1),
  x: () => select(),
  Enter: (target) => !target.closest("a, button, summary, input") && enter(),
};

const rows = () => [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] > li")];
const here = () => document.querySelector("[data-rows] .is-here");

function focus(element) {
  if (element) element.focus();
  return Boolean(element);
}

function walk(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(here());
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
  all.forEach((one) => one.classList.toggle("is-here", one === next));
  next.scrollIntoView({ block: "nearest" });
  return focus(next.querySelector("a, input[type=checkbox], button")) || true;
}

function select() {
  const box = here()?.querySelector("input[type=checkbox]");
  if (box) box.click();
  return Boolean(box);
}

function enter() {
  const link = here()?.querySelector("a");
  if (link) link.click();
  return Boolean(link);
}
