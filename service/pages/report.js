// Findings and pictures of a training report, shown in the card of its model.

import { send } from "./api.js";
import { make } from "./dom.js";
import { hideProblem, showProblem } from "./notice.js";

/** What opens to the report's findings and pictures, asked for when it is opened. */
export function report({ name }) {
  const inside = make("div", { class: "report" }, make("p", { class: "facts" }, "Reading the report …"));
  const problem = make("div", { class: "problem", role: "alert", hidden: true });
  const load = async () => {
    hideProblem(problem);
    try {
      const answer = await send(`models/${encodeURIComponent(name)}/report`, { accept: "text/html" });
      inside.replaceChildren(...parts(await answer.text()));
    } catch (error) {
      inside.replaceChildren();
      showProblem(problem, error, load);
    }
  };
  const details = make("details", { ontoggle: () => { if (details.open && !details.dataset.asked) { details.dataset.asked = "yes"; load(); } } },
    make("summary", {}, "Its health, in pictures"), problem, inside);
  return details;
}

/** Text and pictures alone are taken over; the report itself is never part of this page. */
function parts(html) {
  const page = new DOMParser().parseFromString(html, "text/html"); // inert: nothing in it runs or loads
  const summary = page.querySelector(".summary")?.textContent;
  const findings = [...page.querySelectorAll(".findings > li:not(.ok) strong")].map((each) => make("li", {}, each.lastChild.textContent));
  const figures = [...page.querySelectorAll("figure")].filter((figure) => figure.querySelector("svg")).map(picture);
  return [summary && make("p", {}, summary), findings.length > 0 && make("ul", {}, ...findings), ...figures].filter(Boolean);
}

/** An SVG as a picture of its own, in the colour of the text: scripts and links in it do nothing there. */
function picture(figure) {
  const svg = figure.querySelector("svg");
  const text = figure.querySelector("figcaption")?.textContent ?? "";
  svg.setAttribute("color", getComputedStyle(document.body).color);
  const source = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  const title = figure.previousElementSibling?.textContent ?? "";
  return make("figure", {}, make("figcaption", {}, make("strong", {}, title), ` ${text}`), make("img", { src: source, alt: text, loading: "lazy" }));
}
