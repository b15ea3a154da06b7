// SPDX-License-Identifier: Apache-2.0
// A link to a dialog opens it above the page; a dialog that came back with errors opens by itself.

export function startDialogs(part) {
  for (const link of unseen(part, "[data-opens]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(document.getElementById(link.dataset.opens));
    });
    link.addEventListener("keydown", (event) => {
      if (event.key === " ") {
        event.preventDefault();
        link.click();
      }
    });
  }
  for (const link of unseen(part, "[data-closes]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      link.closest("dialog").close();
    });
  }
  for (const button of unseen(part, "[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest("[popover]")?.hidePopover(); // which gives the focus back to where the menu was opened
      open(document.getElementById("keyboard"));
    });
  }
  const waiting = part.querySelector("dialog[data-open]");
  if (waiting) open(waiting);
}

export function open(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const first = dialog.querySelector("[aria-invalid=true]") ?? dialog.querySelector("textarea, input:not([type=hidden]), select");
  if (first) first.focus();
}

const started = new WeakSet();

function unseen(part, selector) {
  const fresh = [...part.querySelectorAll(selector)].filter((one) => !started.has(one));
  fresh.forEach((one) => started.add(one));
  return fresh;
}
