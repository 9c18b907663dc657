// The part that tells how likely names are, letter by letter.

import { ask } from "./api.js";
import { find, make, newest, settled } from "./dom.js";
import { hideProblem, showProblem } from "./notice.js";
import { remember } from "./route.js";
import { chosenModel, chosenName, onModels } from "./served.js";
import { bits, chance, percent, rounded, symbol } from "./words.js";

const EXAMPLES = ["Emma", "Quinlan", "Xqzzt"];
const MOST_NAMES = 40;
const TYPING_MILLISECONDS = 250;
const STEPS = [1, 2, 4, 6, 8]; // bits at which a letter's colour changes; the legend in index.html says them too
const SCALE = 5; // nats a character at the right end of the comparison
const input = find("score-names");
const run = newest();
let answer = null;

export function open(fields) {
  const names = fields.getAll("name");
  input.value = (names.length ? names : EXAMPLES).join("\n");
  score();
}

export { score as again };

export function start() {
  input.addEventListener("input", settled(score, TYPING_MILLISECONDS));
  find("score-form").addEventListener("submit", (event) => event.preventDefault());
  onModels(() => { if (answer) render(); });
}

async function score() {
  const names = input.value.split("\n").map((name) => name.trim()).filter(Boolean);
  remember("score", { name: names.slice(0, MOST_NAMES), model: chosenName() });
  hideProblem(find("score-problem"));
  find("score-waiting").hidden = names.length === 0 || answer !== null;
  find("score-empty").hidden = names.length > 0;
  find("score-more").hidden = names.length <= MOST_NAMES;
  if (!names.length) {
    answer = null;
    find("scores").replaceChildren();
    return;
  }
  const body = { names: names.slice(0, MOST_NAMES), model: chosenName() ?? null, details: true, unknown: "skip" };
  try {
    await run(async (signal) => { answer = await ask("loss", { body, signal }); render(); });
  } catch (problem) {
    answer = null;
    find("scores").replaceChildren();
    find("score-waiting").hidden = true;
    showProblem(find("score-problem"), problem, score);
  }
}

function render() {
  find("score-waiting").hidden = true;
  find("scores").replaceChildren(...answer.names.map((name) => (name.characters ? scored(name) : skipped(name))));
}

function skipped({ name, reason }) {
  return make("li", { class: "scored" }, make("h3", {}, name), make("p", { class: "wrong" }, `Not scored: ${reason}.`));
}

function scored(name) {
  const readout = make("p", { class: "readout", role: "status" });
  return make("li", { class: "scored" },
    make("div", { class: "score-head" },
      make("h3", {}, name.name),
      make("p", { class: "total" }, make("strong", {}, chance(name.log_prob)), " draws"),
      make("p", { class: "facts" }, `${rounded(bits(name.log_prob), 1)} bits, log-probability ${rounded(name.log_prob)}`,
        name.novel === null ? "" : name.novel ? "; not in the training list" : "; in the training list",
        name.percentile === null ? "" : `; stranger than ${percent(1 - name.percentile)} of the known names`),
    ),
    tiles(name, readout),
    readout,
    comparison(name),
  );
}

/** The letters: one stop of the Tab key, the arrow keys go from one to the next. */
function tiles({ name, characters }, readout) {
  const buttons = characters.map(({ char, log_prob: log }, i) => {
    const surprise = bits(log);
    const show = () => { readout.textContent = sentence(characters, i); };
    return make("button", {
      type: "button", class: `tile s${STEPS.filter((step) => surprise >= step).length}${char === "" ? " end" : ""}`,
      tabindex: i ? -1 : 0, "aria-label": `${symbol(char)}: ${figures(log)}`, onfocus: show, onmouseenter: show,
    }, make("span", { class: "glyph" }, symbol(char)), make("span", { class: "odds" }, rounded(surprise, 1)));
  });
  const most = characters.reduce((best, { log_prob: log }, i) => (log < characters[best].log_prob ? i : best), 0);
  readout.textContent = `The greatest surprise: ${sentence(characters, most)}`;
  return make("div", {
    class: "tiles", role: "toolbar", "aria-label": `Letters of ${name}`, onkeydown: (event) => walk(event, buttons),
  }, ...buttons);
}

const figures = (log) => `${percent(Math.exp(log))}, ${rounded(bits(log), 1)} bits`;

function sentence(characters, i) {
  const { char, log_prob: log } = characters[i];
  const before = characters.slice(0, i).map((each) => each.char).join("");
  return `${char === "" ? "the end" : `“${char}”`} ${before ? `after “${before}”` : "as the first letter"}, ${figures(log)}`;
}

function walk(event, buttons) {
  const at = buttons.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (next === undefined || !buttons[next]) return;
  event.preventDefault();
  buttons[at].tabIndex = -1;
  buttons[next].tabIndex = 0;
  buttons[next].focus();
}

/** The name's loss on a line, beside that of names that the model has not seen. */
function comparison({ loss }) {
  const dev = chosenModel()?.losses.dev;
  const known = typeof dev === "number";
  const told = known ? [`, ${verdict(loss - dev)} the average real name that the model has not seen: `, sign("usual"), rounded(dev)] : [];
  return make("div", { class: "comparison" },
    make("div", { class: "line", "aria-hidden": "true" }, known && at(dev, sign("usual")), at(loss, sign("mark"))),
    make("p", {}, sign("mark"), make("strong", {}, `${rounded(loss)} nats a letter`), ...told),
  );
}

const sign = (kind) => make("span", { class: kind });

function at(loss, element) {
  element.style.left = `${Math.min(100, (100 * loss) / SCALE)}%`;
  return element;
}

function verdict(difference) {
  if (Math.abs(difference) < 0.1) return "about as likely as";
  if (Math.abs(difference) < 0.6) return difference > 0 ? "a little less likely than" : "a little likelier than";
  return difference > 0 ? "much less likely than" : "much likelier than";
}
