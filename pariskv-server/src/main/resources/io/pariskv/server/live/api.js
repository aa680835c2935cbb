// Requests to the server that the page came from, with the key that the user gave.

const STORED = "pariskv-key"; // for as long as the tab is open

let key = sessionStorage.getItem(STORED) ?? "";

export function setKey(value) {
  key = value;
  sessionStorage.setItem(STORED, value);
}

/** What the server said no to. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A reply that is fine; anything else is thrown. Posts if there is a body. */
export async function request(path, body, signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const options = { headers, signal, cache: "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  const reply = await fetch(path, options);
  if (!reply.ok) {
    const json = await reply.json().catch(() => null);
    throw new ApiError(reply.status, json?.error?.message ?? `the server replied with ${reply.status}`);
  }
  return reply;
}

export async function json(path, body, signal) {
  return (await request(path, body, signal)).json();
}

/** The JSON of each server-sent event, up to [DONE]. */
export async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      if (part === "data: [DONE]") {
        return;
      }
      if (part.startsWith("data: ")) {
        yield JSON.parse(part.slice("data: ".length));
      }
    }
  }
}
