// SPDX-License-Identifier: Apache-2.0
// Buttons that copy an id; without a clipboard they stay hidden.

export function startCopying(part) {
  if (!navigator.clipboard) return;
  for (const button of part.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const word = button.getAttribute("aria-label");
      button.setAttribute("aria-label", document.body.dataset.copied);
      button.dataset.said = document.body.dataset.copied;
      setTimeout(() => {
        button.setAttribute("aria-label", word);
        delete button.dataset.said;
      }, 2000);
    });
  }
}
