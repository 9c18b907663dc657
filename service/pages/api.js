// Requests to the service; every way to fail becomes a Problem in words.

import { askForKey, storedKey } from "./key.js";
import { query } from "./route.js";

const UNREACHABLE = {
  title: "The service does not answer",
  detail: "It may have stopped, or the connection may be down. Nothing on this page is lost.",
};

/** What went wrong, as problem+json tells it (RFC 9457). `status` is 0 where there was no answer. */
export class Problem extends Error {
  constructor({ status = 0, type = "unreachable", title, detail, errors = [], request_id = "" }, retryAfter = null) {
    super(detail || title);
    Object.assign(this, { status, type, title, detail, errors, requestId: request_id, retryAfter });
  }
}

/** Where a request goes. */
export function address(path, fields = {}) {
  const url = new URL(path, document.baseURI);
  url.search = query(fields);
  return url;
}

/** The answer to a request; asks for a key where one is needed, unless `quiet`. Throws a Problem. */
export async function send(path, { fields, body, accept = "application/json", signal, quiet = false } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  for (;;) {
    const key = storedKey();
    if (key) headers.Authorization = `Bearer ${key}`;
    const answer = await reach(address(path, fields), {
      method: body === undefined ? "GET" : "POST", headers, signal, cache: "no-cache",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (answer.ok) return answer;
    const problem = await read(answer);
    if (problem.status !== 401 || quiet || !(await askForKey(problem.detail, key))) throw problem;
    signal?.throwIfAborted();
  }
}

/** The JSON of an answer. */
export async function ask(path, options) {
  const answer = await send(path, options);
  return guarded(() => answer.json(), options?.signal);
}

/** The events of a stream, `{event, data}`, as they come, to `done`. EventSource could not send a key. */
export async function* events(path, options) {
  const answer = await send(path, { ...options, accept: "text/event-stream" });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await guarded(() => reader.read(), options.signal);
    if (done) throw new Problem(UNREACHABLE);
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const lines = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
      if (lines.data !== undefined) yield { event: lines.event, data: JSON.parse(lines.data) };
      if (lines.event === "done") return;
    }
  }
}

function reach(url, options) {
  return guarded(() => fetch(url, options), options.signal);
}

async function guarded(action, signal) {
  try {
    return await action();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(UNREACHABLE);
  }
}

async function read(answer) {
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  try {
    return new Problem(await answer.json(), retryAfter);
  } catch {
    const title = `The service answered ${answer.status}`;
    return new Problem({ status: answer.status, type: "other", title, detail: answer.statusText }, retryAfter);
  }
}
