// The part that shows how a beginning goes on.

import { ask } from "./api.js";
import { find, make, newest, settled } from "./dom.js";
import { hideProblem, showProblem } from "./notice.js";
import { link, remember } from "./route.js";
import { chosenName } from "./served.js";
import { chance, percent } from "./words.js";

const FIRST = 15; // bars that are shown at once; parts.css says so too
const NAMES = 15;
const TYPING_MILLISECONDS = 250;
const input = find("context");
const run = newest();

export function open(fields) {
  input.value = fields.get("context") ?? "";
  look();
}

export { look as again };

export function start() {
  input.addEventListener("input", settled(look, TYPING_MILLISECONDS));
  find("explore-form").addEventListener("submit", (event) => event.preventDefault());
  find("back").addEventListener("click", () => goOn([...input.value].slice(0, -1).join("")));
  find("restart").addEventListener("click", () => goOn(""));
  find("all-letters").addEventListener("click", () => {
    find("next").classList.remove("few");
    find("all-letters").hidden = true;
    find("next").children[FIRST]?.querySelector("button")?.focus();
  });
}

function goOn(beginning) {
  input.value = beginning;
  look();
  input.focus();
}

async function look() {
  const context = input.value.trim();
  const model = chosenName();
  remember("explore", { context, model });
  find("back").disabled = find("restart").disabled = !context;
  hideProblem(find("explore-problem"));
  hideProblem(find("top-problem"));
  try {
    await run(async (signal) => {
      const [next, top] = await Promise.allSettled([
        ask("next", { fields: { context, model }, signal }),
        ask("top", { fields: { prefix: context, model, k: NAMES }, signal }),
      ]);
      signal.throwIfAborted();
      if (next.status === "rejected") throw next.reason;
      showNext(next.value);
      if (top.status === "fulfilled") showTop(top.value, context);
      else showNoTop(top.reason);
    });
  } catch (problem) {
    find("explore-waiting").hidden = true;
    find("explored").hidden = true;
    showProblem(find("explore-problem"), problem, look);
  }
}

function showNext({ context, next }) {
  const list = find("next");
  const most = next[0].prob;
  find("explore-waiting").hidden = true;
  find("explored").hidden = false;
  find("next-title").textContent = context ? `What comes after “${context}”` : "How names begin";
  list.classList.add("few");
  list.replaceChildren(...next.filter(({ prob }) => prob > 0).map((each) => make("li", {}, bar(each, most))));
  find("all-letters").hidden = list.children.length <= FIRST;
}

function bar({ char, prob }, most) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${(100 * prob) / most}%`;
  const inside = [
    make("span", { class: "glyph" }, char || "end"),
    make("span", { class: "track", "aria-hidden": "true" }, fill),
    make("span", { class: "odds" }, percent(prob)),
  ];
  if (char === "") return make("div", { class: "bar end" }, ...inside);
  return make("button", { type: "button", class: "bar", onclick: () => goOn(input.value.trim() + char) }, ...inside);
}

function showTop({ names, probability }, context) {
  find("top-title").textContent = context ? "The likeliest names with this beginning" : "The likeliest names";
  find("top-share").textContent = context
    ? `${chance(Math.log(probability))} generated names starts this way.` : "";
  find("top").replaceChildren(...names.map(({ name, log_prob: log }) => make("li", {},
    make("a", { href: link("score", { name, model: chosenName() }) }, name), make("span", { class: "odds" }, chance(log)))));
}

function showNoTop(problem) {
  find("top-title").textContent = "The likeliest names";
  find("top-share").textContent = "";
  find("top").replaceChildren();
  showProblem(find("top-problem"), problem, look);
}
