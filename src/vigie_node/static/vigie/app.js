// SPDX-License-Identifier: Apache-2.0
// What the browser adds to pages; each page works without it.

import { startCharts } from "./charts.js";
import { startCopying } from "./copying.js";
import { nameCountries } from "./countries.js";
import { startDialogs } from "./dialogs.js";
import { startKeyboard } from "./keyboard.js";

const start = (part) => {
  startCopying(part);
  nameCountries(part);
  startDialogs(part);
  startCharts(part);
};

start(document);
startKeyboard();
document.addEventListener("htmx:after:swap", () => start(document));
