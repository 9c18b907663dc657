// The part that is shown and its settings, kept behind the address's # so that a link carries them.

export const PARTS = ["generate", "score", "explore", "models"];

export function current() {
  const [part, query = ""] = location.hash.slice(1).split(/\?(.*)/s, 2);
  return { part: PARTS.includes(part) ? part : PARTS[0], fields: new URLSearchParams(query) };
}

/** Fields as a query; those that are undefined, null or empty are left out, and lists are repeated. */
export function query(fields) {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((item) => [name, item]));
  return new URLSearchParams(pairs.filter(([, item]) => item !== undefined && item !== null && item !== ""));
}

/** `#generate?n=5`. */
export function link(part, fields = {}) {
  const text = query(fields).toString();
  return `#${part}${text && "?"}${text}`;
}

/** Puts the settings of the part that is shown into the address. */
export function remember(part, fields) {
  if (current().part === part) history.replaceState(null, "", link(part, fields));
}
