// What can be taken away: the names as text, a file, a link, or the command that gives them.

import { address, send } from "./api.js";
import { copy, find, save } from "./dom.js";
import { storedKey } from "./key.js";
import { hideProblem, showProblem } from "./notice.js";
import { link } from "./route.js";

const FILES = { txt: "text/plain", csv: "text/csv", json: "application/json" };
let fields = {};

/** Sets what is exported: the same names, for the seed is among the fields. */
export function exportNames(wanted) {
  fields = wanted;
  const url = address("sample", fields).href;
  find("curl").textContent = `curl ${storedKey() ? "-H \"Authorization: Bearer $KEY\" " : ""}'${url}'`;
}

export function startExport() {
  onClick("copy-names", async (button) => copy((await fetched("txt")).trimEnd(), button));
  onClick("copy-link", (button) => copy(new URL(link("generate", fields), document.baseURI).href, button));
  onClick("copy-curl", (button) => copy(find("curl").textContent, button));
  for (const kind of Object.keys(FILES)) onClick(`save-${kind}`, async () => save(await fetched(kind), FILES[kind], `names.${kind}`));
}

function onClick(id, action) {
  const button = find(id);
  const box = find("export-problem");
  button.addEventListener("click", async function act() {
    hideProblem(box);
    try {
      await action(button);
    } catch (problem) {
      showProblem(box, problem, act);
    }
  });
}

async function fetched(kind) {
  const answer = await send("sample", { fields, accept: FILES[kind] });
  return answer.text();
}
