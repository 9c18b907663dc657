// The list of names.

import { count } from "./words.js";
import { find, make } from "./dom.js";
import { settings } from "./form.js";
import { link } from "./route.js";
import { chosenName } from "./served.js";

const MOST_SHOWN = 500;

/**
 * Shows names as `details` of /sample tell of them, of `wanted` in all. Unless it is the `whole` list, room is kept
 * for those to come. `exhausted`: there are no more that differ.
 */
export function showNames(details, wanted, whole, exhausted = false) {
  const list = find("names");
  const shown = details.slice(0, MOST_SHOWN);
  [...list.children].slice(shown.length).forEach((item) => item.remove());
  shown.forEach((detail, i) => {
    if (list.children[i]?.dataset.name === detail.name) return;
    const item = entry(detail);
    if (list.children[i]) list.children[i].replaceWith(item);
    else list.append(item);
  });
  if (!whole) list.append(...Array.from({ length: Math.min(wanted, MOST_SHOWN) - shown.length }, waiting));
  find("names-said").textContent = whole ? summary(details, exhausted) : "";
  find("names-more").textContent = whole && details.length > MOST_SHOWN
    ? `and ${count(details.length - MOST_SHOWN)} more when you copy or download` : "";
}

function entry({ name, novel }) {
  const target = link("score", { name, model: chosenName() });
  return make("li", { "data-name": name, class: novel ? "new" : null },
    make("a", { href: target, title: `Score ${name}` }, name),
    novel && make("span", { class: "unseen" }, "new"),
    make("button", { type: "button", class: "alike", "aria-label": `More like ${name}`, title: `More like ${name}`, onclick: () => showAlike(name) }, "\u2248"));
}

/** Draws names close to this one, under the same settings but for letters that were asked for, and the seed. */
function showAlike(name) {
  const { prefix, suffix, contains, pattern, seed, ...kept } = settings(find("generate-form"));
  location.hash = link("generate", { ...kept, near: name, model: chosenName() });
}

const waiting = () => make("li", { class: "waiting", "aria-hidden": "true" }, "\u00a0");

function summary(details, exhausted) {
  const names = details.length === 1 ? "1 name" : `${count(details.length)} names`;
  const fresh = details.filter((detail) => detail.novel).length;
  const known = details.length > 0 && details[0].novel !== null;
  return `${names}${known ? `, ${count(fresh)} of them new` : ""}${exhausted ? "; no more distinct names exist" : ""}`;
}
