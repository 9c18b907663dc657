// The part that invents names: settings in, letters and names out.

import { ask, events } from "./api.js";
import { find, newest, settled } from "./dom.js";
import { exportNames } from "./export.js";
import { clearFieldErrors, fill, fieldErrors, settings } from "./form.js";
import { showNames } from "./names.js";
import { hideProblem, showProblem } from "./notice.js";
import { remember } from "./route.js";
import { chosenModel, chosenName, onModels } from "./served.js";
import * as stage from "./stage.js";
import { chance, percent } from "./words.js";

const FOLLOWED = 3; // names that are shown letter by letter
const TYPING_MILLISECONDS = 400;
const form = find("generate-form");
const run = newest();
let digest = null;

/** Sets the form to what a link says, and draws. */
export function open(fields) {
  fill(form, fields);
  if (["pattern", "top_k", "top_p", "seed"].some((name) => fields.has(name))) find("finer").open = true;
  draw();
}

export { draw as again };

export function start() {
  const later = settled(draw, TYPING_MILLISECONDS);
  const soon = settled(draw, 0);
  form.addEventListener("input", ({ target }) => { if (target.name !== "pattern" && !target.closest("#mix")) later(); });
  form.addEventListener("change", ({ target }) => { if (target.name === "pattern") soon(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); soon(); });
  find("clear").addEventListener("click", () => { fill(form, new URLSearchParams()); draw(); });
  find("keep-seed").addEventListener("click", () => {
    form.elements.seed.value = find("seed-used").textContent;
    find("finer").open = true;
    remember("generate", asked());
  });
  onModels(showLongest);
  onModels(() => { find("stale").hidden = !digest || !chosenModel() || chosenModel().digest === digest; });
}

/** What is asked for: the settings that are not the usual ones, and the model. */
const asked = () => ({ ...settings(form), model: chosenName() });

/** What the service takes for a greatest length that is left out; of a blend the page does not know it. */
function showLongest() {
  form.elements.max_length.placeholder = chosenModel()?.longest_name ?? "";
}

async function draw() {
  const wanted = asked();
  showLongest();
  remember("generate", wanted);
  clearFieldErrors(form);
  hideProblem(find("generate-problem"));
  find("results").setAttribute("aria-busy", "true");
  stage.expect();
  try {
    if (await run((signal) => follow(wanted, signal))) find("results").removeAttribute("aria-busy");
  } catch (problem) {
    stage.hide();
    find("results").hidden = true;
    find("results").removeAttribute("aria-busy");
    fieldErrors(form, problem);
    showProblem(find("generate-problem"), problem, draw);
  }
}

async function follow(wanted, signal) {
  const n = Number(wanted.n ?? 10);
  const begun = [];
  let whole;
  let failed;
  for await (const item of events("sample/stream", { fields: { ...wanted, n: Math.min(n, FOLLOWED) }, signal })) {
    if (item.event === "start") {
      const known = { ...wanted, seed: wanted.seed ?? item.data.seed };
      whole = ask("sample", { fields: { ...known, details: true }, signal });
      whole.catch((problem) => { failed = problem; });
      begin(item.data, known);
    } else if (item.event === "name") {
      begun.push(item.data);
      showNames(begun, n, false);
    }
    if (failed) throw failed;
    await stage.show(item, signal);
  }
  const answer = await whole;
  showNames(answer.details, n, true, answer.exhausted);
}

function begin({ model, seed, probability }, known) {
  digest = model.digest;
  find("results").hidden = false;
  find("stale").hidden = true;
  find("seed-used").textContent = seed;
  showProbability(probability);
  exportNames(known);
}

function showProbability(probability) {
  const [short, long] = told(probability);
  find("probability").textContent = short;
  find("probability-exactly").textContent = long;
}

function told(probability) {
  if (probability > 0.5) return [percent(probability), "of all draws meet these conditions (an exact figure)."];
  const log = Math.log(probability);
  return [chance(log), `draws meets these conditions (exactly ${percent(probability)}). Only such names are drawn.`];
}
