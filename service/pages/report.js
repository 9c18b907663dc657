// Findings and pictures of a training report, shown in the card of its model.

import { send } from "./api.js";
import { make } from "./dom.js";
import { hideProblem, showProblem } from "./notice.js";

const SVG = "http://www.w3.org/2000/svg";
const XLINK = "http://www.w3.org/1999/xlink";

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
  const pictures = [];
  const plain = html.replace(/<svg[^]*?<\/svg>/g, (svg) => { pictures.push(svg); return "<svg></svg>"; })
    .replace(/<style[^]*?<\/style>/g, ""); // styles, which this page's policy forbids, stay in the pictures
  const page = new DOMParser().parseFromString(plain, "text/html"); // inert: nothing in it runs or loads
  const summary = page.querySelector(".summary")?.textContent;
  const findings = [...page.querySelectorAll(".findings > li:not(.ok) strong")].map((each) => make("li", {}, each.lastChild.textContent));
  const figures = [...page.querySelectorAll("svg")].map((svg, i) => picture(svg.closest("figure") ?? svg, pictures[i]));
  return [summary && make("p", {}, summary), findings.length > 0 && make("ul", {}, ...findings), ...figures].filter(Boolean);
}

/** An SVG as a picture of its own, in the colour of the text: scripts and links in it do nothing there. */
function picture(figure, svg) {
  const text = figure.querySelector("figcaption")?.textContent ?? "";
  const title = figure.previousElementSibling?.textContent ?? "";
  const names = `xmlns="${SVG}" xmlns:xlink="${XLINK}" color="${getComputedStyle(document.body).color}"`;
  const source = `data:image/svg+xml,${encodeURIComponent(svg.replace("<svg", `<svg ${names}`))}`;
  return make("figure", {}, make("figcaption", {}, make("strong", {}, title), ` ${text}`), make("img", { src: source, alt: text, loading: "lazy" }));
}
