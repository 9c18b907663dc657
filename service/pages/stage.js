// One name as it comes about: each letter with its chance, and what else could have come.

import { find, make, pause, still } from "./dom.js";
import { percent, symbol } from "./words.js";

const LETTER_MILLISECONDS = 50;
const NAME_MILLISECONDS = 500;
const SHOWN_RIVALS = 3;

/** The stage while nothing has come yet. */
export function expect() {
  find("stage").hidden = false;
  find("stage").setAttribute("aria-busy", "true");
}

/** Shows one event of /sample/stream, at a speed at which it can be followed. */
export async function show({ event, data }, signal) {
  const letters = find("letters");
  find("stage").removeAttribute("aria-busy");
  if (event === "character") {
    if (data.position === 0) letters.replaceChildren();
    letters.append(column(data));
    if (!still()) await pause(LETTER_MILLISECONDS, signal);
  } else if (event === "name" && !still()) {
    await pause(NAME_MILLISECONDS, signal);
  }
}

/** Nothing is drawn. */
export function hide() {
  find("stage").hidden = true;
  find("letters").replaceChildren();
}

function column({ char, prob, runners_up: rivals }) {
  const ended = char === "";
  const others = rivals.slice(0, SHOWN_RIVALS).map((rival) =>
    make("li", {}, make("span", { class: "rival" }, symbol(rival.char)), make("span", {}, percent(rival.prob))));
  return make("li", { class: ended ? "letter end" : "letter" },
    make("span", { class: "glyph" }, ended ? "end" : char),
    make("span", { class: "odds" }, percent(prob)),
    make("ul", { "aria-label": "likeliest alternatives" }, ...others),
  );
}
