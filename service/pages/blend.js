// Two models of one alphabet as one, by share: the controls write a blend's name, which is chosen like any model.

import { find, make } from "./dom.js";

const TENTHS = 10;
const WRITTEN = /^([^+*]+)(?:\*(\d+))?\+([^+*]+)(?:\*(\d+))?$/;

/** Calls `choose` with the name of the model or blend that the controls ask for. */
export function start(choose) {
  const wanted = () => {
    const first = find("mix").dataset.first;
    const [second, share] = [find("partner").value, find("share").valueAsNumber];
    if (!second) return first;
    return 2 * share === TENTHS ? `${first}+${second}` : `${first}*${share}+${second}*${TENTHS - share}`;
  };
  find("partner").addEventListener("change", () => choose(wanted()));
  find("share").addEventListener("change", () => choose(wanted()));
  find("share").addEventListener("input", tellShares);
}

/** Shows what is chosen, and offers what can be blended with it. `models` are as /models tells. */
export function offer(models, chosen) {
  const [, first = chosen, weight = 1, second = "", other = 1] = WRITTEN.exec(chosen) ?? [];
  const kind = kindOf(models.find(({ name }) => name === first));
  const others = models.filter((model) => model.name !== first && kindOf(model) === kind).map(({ name }) => name);
  if (second && !others.includes(second)) others.push(second); // a link may name one that is gone
  find("mix").dataset.first = first;
  find("mix").hidden = others.length === 0;
  find("partner").replaceChildren(make("option", { value: "" }, "nothing"), ...others.map((name) => make("option", { value: name }, name)));
  find("partner").value = second;
  if (second) find("share").value = Math.round((TENTHS * weight) / (Number(weight) + Number(other)));
  tellShares();
}

/** Says in words what the slider says. */
function tellShares() {
  const [first, second] = [find("mix").dataset.first, find("partner").value];
  const share = find("share").valueAsNumber * TENTHS;
  find("share").hidden = !second;
  find("shares").textContent = second ? `${share} % ${first}, ${100 - share} % ${second}` : "";
}

/** Models of one kind can be blended. */
const kindOf = (model) => model && JSON.stringify([model.vocabulary, model.block_size]);
