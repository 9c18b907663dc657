// The API key, where the service wants one: asked for once, kept as long as the tab.

import { find } from "./dom.js";

const KEY = "namesmith-key";
let asked = null;

export const storedKey = () => sessionStorage.getItem(KEY);

/**
 * Asks for a key, unless another than the `refused` one is there by now. Resolves to whether there is one to try.
 * Requests that fail together ask together.
 */
export async function askForKey(why, refused) {
  if (storedKey() !== refused) return true;
  asked ??= open(refused ? why : "").finally(() => { asked = null; });
  return asked;
}

function open(why) {
  const dialog = find("key-dialog");
  const input = find("key");
  find("key-refused").textContent = why;
  find("key-refused").hidden = !why;
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use" ? input.value.trim() : "";
      if (given) sessionStorage.setItem(KEY, given);
      resolve(Boolean(given));
    }, { once: true });
  });
}
