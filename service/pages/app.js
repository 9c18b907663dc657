// Puts the parts together: tabs, links, the model, the start.

import * as blend from "./blend.js";
import { startExport } from "./export.js";
import { find } from "./dom.js";
import * as explore from "./explore.js";
import { pair } from "./form.js";
import * as generate from "./generate.js";
import * as models from "./models.js";
import { PARTS, current, link } from "./route.js";
import * as score from "./score.js";
import { choose, chosenName, offerBlends, watchModels } from "./served.js";

const parts = { generate, score, explore, models };
const left = {}; // the settings with which each part was left

function show() {
  const { part, fields } = current();
  for (const name of PARTS) {
    const shown = name === part;
    const tab = find(`tab-${name}`);
    tab.setAttribute("aria-selected", String(shown));
    tab.tabIndex = shown ? 0 : -1;
    find(`part-${name}`).hidden = !shown; // not the name alone: a browser would scroll to it
  }
  document.title = part === "generate" ? "namesmith" : `${find(`tab-${part}`).textContent} · namesmith`;
  choose(fields.get("model"));
  parts[part].open(fields);
}

/** Goes to a part, as it was left, with the model that is chosen now. */
function go(part) {
  const { part: from, fields } = current();
  left[from] = fields;
  const wanted = new URLSearchParams(left[part]);
  wanted.delete("model");
  if (chosenName()) wanted.set("model", chosenName());
  location.hash = `${link(part)}${wanted.size ? `?${wanted}` : ""}`;
}

function startTabs() {
  const tabs = PARTS.map((part) => find(`tab-${part}`));
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => go(PARTS[i]));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = tabs.at(step % tabs.length);
      next.focus();
      next.click();
    });
  });
}

startTabs();
pair(find("generate-form"));
startExport();
Object.values(parts).forEach((part) => part.start());
addEventListener("hashchange", show);
find("model").addEventListener("change", () => { offerBlends(); parts[current().part].again(); });
blend.start((name) => { choose(name); parts[current().part].again(); });
show();
watchModels();
