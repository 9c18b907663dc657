// Elements, made without ever parsing HTML: text goes in as text.

/** An element with these properties (`onclick` and the like are listeners, the rest attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

/** The element with this id. */
export const find = (id) => document.getElementById(id);

/** Calls `action` once nothing more happened for `milliseconds`. */
export function settled(action, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds, ...values);
  };
}

/** Runs the newest task alone: it gets an AbortSignal, which ends the one before. True if it came to its end. */
export function newest() {
  let current = new AbortController();
  return async (task) => {
    current.abort();
    const mine = new AbortController();
    current = mine;
    try {
      await task(mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) throw error;
    }
    return !mine.signal.aborted;
  };
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Waits; ends early, with an error, when the signal says so. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/** Copies text and says so on the button for a moment. */
export async function copy(text, button) {
  const label = button.textContent;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = "Not allowed here"; // the clipboard needs https, or this very machine
  }
  button.textContent = said;
  setTimeout(() => { button.textContent = label; }, 1400);
}

/** Gives a file to keep. */
export function save(text, type, name) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(URL.revokeObjectURL, 1000, url);
}
