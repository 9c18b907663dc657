// Problems in words, and short news.

import { find, make } from "./dom.js";

const TITLES = {
  unsatisfiable: "No name can meet all of this",
  "unknown-model": "That model is not served",
  blend: "These models cannot be blended",
  "no-report": "There is no training report",
  "unknown-character": "That letter is not in the alphabet",
  constraint: "That condition cannot be used",
  draining: "The service is shutting down",
  "not-ready": "The service is not ready",
  401: "This service needs a key",
  413: "That is too much at once",
  422: "Something in the request is wrong",
  429: "Too many requests",
  500: "The service failed",
  503: "The service is busy",
};
const timers = new WeakMap();

/** Shows in `box` what went wrong; `again` tries once more, by itself where the service said when. */
export function showProblem(box, problem, again) {
  if (!("status" in problem)) throw problem; // a mistake in this page, not an answer
  const button = make("button", { type: "button", class: "button", onclick: again }, "Try again");
  box.replaceChildren(
    make("h3", {}, TITLES[problem.type] ?? TITLES[problem.status] ?? problem.title),
    make("p", {}, sentence(problem.detail)),
    make("div", { class: "row" }, button, problem.requestId && make("small", {}, `request ${problem.requestId}`)),
  );
  box.hidden = false;
  clearInterval(timers.get(box));
  if (problem.retryAfter) timers.set(box, countDown(problem.retryAfter, button, again));
}

export function hideProblem(box) {
  clearInterval(timers.get(box));
  box.hidden = true;
}

/** A line that goes away by itself. */
export function tell(text) {
  const line = make("p", {}, text);
  find("news").append(line);
  setTimeout(() => line.remove(), 8000);
}

function countDown(seconds, button, again) {
  let left = Math.min(60, Math.ceil(seconds));
  const show = () => { button.textContent = `Trying again in ${left} s`; };
  show();
  const timer = setInterval(() => {
    if (document.hidden) return;
    left -= 1;
    show();
    if (left > 0) return;
    clearInterval(timer);
    again();
  }, 1000);
  return timer;
}

/** The detail as a sentence, without the JSON pointer at its start. */
function sentence(detail) {
  const [, field, rest] = /^\/(\w+): (.*)/s.exec(detail) ?? [null, "", detail ?? ""];
  const text = !field || rest.startsWith(field) ? rest : `${field.replace("_", " ")}: ${rest}`;
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) || !text ? "" : ".");
}
