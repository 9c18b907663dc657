// The part that shows what is served.

import { send } from "./api.js";
import { copy, find, make, save } from "./dom.js";
import { storedKey } from "./key.js";
import { hideProblem, showProblem } from "./notice.js";
import { report } from "./report.js";
import { link, remember } from "./route.js";
import { chosenName, onModels, refresh, served } from "./served.js";
import { count, day, percent, rounded } from "./words.js";

const WAYS = { unigram: "counting letters", bigram: "counting pairs", kneser_ney: "counting contexts (Kneser-Ney)" };

export async function again() {
  remember("models", { model: chosenName() });
  hideProblem(find("models-problem"));
  try {
    await refresh();
    render();
  } catch (problem) {
    find("models-waiting").hidden = true;
    showProblem(find("models-problem"), problem, again);
  }
}

export { again as open };

export function start() {
  onModels(render);
}

function render() {
  const { models, default: standard } = served();
  const cards = new Map([...find("cards").children].map((card) => [card.dataset.digest, card]));
  find("models-waiting").hidden = true;
  find("models-empty").hidden = models.length > 0;
  find("cards").replaceChildren(...models.map((model) => {
    const key = `${model.name} ${model.digest} ${model.name === standard}`;
    return cards.get(key) ?? card(model, model.name === standard, key); // what was opened stays open
  }));
}

function card(model, standard, key) {
  return make("li", { class: "card", "data-digest": key },
    make("div", { class: "card-head" },
      make("h3", {}, model.name),
      standard && make("span", { class: "tag" }, "default"),
      make("p", { class: "facts" }, origin(model)),
    ),
    model.description && make("p", { class: "description" }, model.description),
    losses(model),
    facts(model),
    make("div", { class: "row" },
      make("a", { class: "button", href: link("generate", { model: model.name }) }, "Draw names"),
      whole(model),
    ),
    report(model),
    network(model),
    digest(model),
  );
}

/** Opens the report in a tab of its own; a file to keep where a key is needed, which a link cannot send. */
function whole({ name }) {
  const path = `models/${encodeURIComponent(name)}/report`;
  const box = find("models-problem");
  async function keep() {
    hideProblem(box);
    try {
      save(await (await send(path, { accept: "text/html" })).text(), "text/html", `${name}-report.html`);
    } catch (problem) {
      showProblem(box, problem, keep);
    }
  }
  const onclick = (event) => { if (storedKey()) { event.preventDefault(); keep(); } };
  return make("a", { class: "button quiet", href: path, target: "_blank", rel: "noopener", onclick }, "Training report");
}

function origin({ data, published_at: published }) {
  const names = data.distinct_names ? `${count(data.distinct_names)} names` : "";
  const from = [names, data.source && `from ${data.source}`, data.where && `(${data.where})`].filter(Boolean).join(" ");
  return [from, published && `published ${day(published)}`].filter(Boolean).join(", ");
}

/** Bars of the loss on held-out names, beside guessing and counting. */
function losses({ losses: own, network_losses: network, baselines, vocabulary }) {
  const guess = Math.log(vocabulary.size);
  const counted = Object.entries(baselines.dev ?? {}).map(([way, loss]) => [WAYS[way] ?? way, loss, "bar"]);
  const rows = [["guessing", guess, "bar"], ...counted.sort((a, b) => b[1] - a[1])];
  if (typeof network.dev === "number" && network.dev !== own.dev) rows.push(["its network", network.dev, "bar"]);
  if (typeof own.dev === "number") rows.push(["this model", own.dev, "bar own"]);
  return make("figure", { class: "losses" },
    make("figcaption", {}, "How far off the model is on names it has not seen ", make("small", {}, "nats a letter; shorter is better")),
    make("ul", {}, ...rows.map(([label, loss, kind]) => {
      const fill = make("span", { class: "fill" });
      fill.style.width = `${(100 * loss) / guess}%`;
      return make("li", { class: kind }, make("span", { class: "way" }, label),
        make("span", { class: "track", "aria-hidden": "true" }, fill), make("span", { class: "odds" }, rounded(loss, 3)));
    })),
  );
}

function facts({ facts: known, block_size: context, contexts, parameters, vocabulary }) {
  const rows = [
    ["Sees", `${context} ${context === 1 ? "letter" : "letters"} back`],
    ["Contexts", count(contexts)],
    ["Alphabet", `${count(vocabulary.letters.length)} symbols`],
    ["Parameters", count(parameters)],
  ];
  rows.push(["Mean length", `${rounded(known.expected_length, 1)} letters`]);
  if (known.training_mass !== null) rows.push(["Draws from its list", percent(known.training_mass)]);
  if (known.repeat_after) rows.push(["A repeat is likely after", `${count(known.repeat_after)} draws`]);
  return make("dl", {}, ...rows.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));
}

function network({ layers }) {
  const rows = layers.map(({ type, ...sizes }) => make("li", {}, make("code", {}, type), ` ${size(sizes)}`));
  return make("details", {}, make("summary", {}, "The network, layer by layer"), make("ol", { class: "layers" }, ...rows));
}

function size(sizes) {
  const from = sizes.in_features ?? sizes.num_embeddings;
  const to = sizes.out_features ?? sizes.embedding_dim ?? sizes.num_features;
  return [from, to].filter((number) => number !== undefined).join(" → ");
}

function digest({ digest: text }) {
  const button = make("button", { type: "button", class: "button small quiet", onclick: () => copy(text, button) }, "Copy");
  return make("p", { class: "digest" }, "Digest ", make("code", { title: text }, text.slice(0, 16)), "… ", button);
}
