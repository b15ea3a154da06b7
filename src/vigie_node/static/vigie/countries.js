// SPDX-License-Identifier: Apache-2.0
// Names countries in the language of the page, from the browser's own list; without it their codes stand there.

const names = new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "region", fallback: "code" });

export function nameOf(code) {
  return /^[A-Z]{2}$/.test(code) ? names.of(code) : code;
}

export function nameCountries(part) {
  for (const element of part.querySelectorAll("[data-country]")) {
    element.textContent = nameOf(element.dataset.country);
  }
}
