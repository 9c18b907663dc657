// Which models are served, asked again and again so that a swap shows up by itself; and which one was chosen.

import { ask } from "./api.js";
import { offer } from "./blend.js";
import { find, make } from "./dom.js";
import { storedKey } from "./key.js";
import { tell } from "./notice.js";

const POLL_MILLISECONDS = 4000;
const FIRST_MILLISECONDS = 600; // the first name does not wait for all that /models adds up
const listeners = [];
let known = null;

/** The answer of /models, or null as long as there is none. */
export const served = () => known;

/** The model or blend to ask for; undefined where the service's default was chosen. */
export const chosenName = () => find("model").value || undefined;

/** The chosen model as /models describes it, or undefined; a blend is none. */
export function chosenModel() {
  const name = chosenName() ?? known?.default;
  return known?.models.find((model) => model.name === name);
}

/** Calls `listener` whenever other models or versions are served than before. */
export const onModels = (listener) => { listeners.push(listener); };

/** Chooses a model or a blend, served or not: a link may name one that is gone. */
export function choose(asked) {
  const menu = find("model");
  const name = asked === known?.default ? "" : asked;
  if (name && ![...menu.options].some((option) => option.value === name)) menu.append(make("option", { value: name }, name));
  menu.value = name ?? "";
  offerBlends();
}

/** Shows what can be blended with what is chosen. */
export function offerBlends() {
  offer(known?.models ?? [], chosenName() ?? known?.default ?? "");
}

/** Asks now. Throws a Problem. */
export async function refresh(quiet = false) {
  const answer = await ask("models", { quiet });
  const before = known;
  known = answer;
  if (JSON.stringify(before) === JSON.stringify(answer)) return;
  fillMenu();
  if (before) announce(before.models, answer.models);
  listeners.forEach((listener) => listener());
}

/** Begins to look after the models; only while the page is seen. */
export function watchModels() {
  const look = () => refresh(true).catch(() => {}); // the parts tell of problems
  setTimeout(() => { if (!known) look(); }, FIRST_MILLISECONDS);
  setInterval(() => { if (!document.hidden && (known || storedKey())) look(); }, POLL_MILLISECONDS);
}

function fillMenu() {
  const menu = find("model");
  const wanted = menu.value;
  const others = known.models.map((model) => model.name).filter((name) => name !== known.default);
  menu.replaceChildren(
    make("option", { value: "" }, known.default ?? "no model"),
    ...others.map((name) => make("option", { value: name }, name)),
  );
  choose(wanted);
}

function announce(before, now) {
  const digests = new Map(before.map((model) => [model.name, model.digest]));
  for (const { name, digest } of now) {
    if (!digests.has(name)) tell(`${name} is served now.`);
    else if (digests.get(name) !== digest) tell(`${name} was replaced by a newer version, ${digest.slice(0, 8)}.`);
    digests.delete(name);
  }
  for (const name of digests.keys()) tell(`${name} is no longer served.`);
}
