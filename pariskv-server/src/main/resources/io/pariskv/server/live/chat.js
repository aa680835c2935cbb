// The conversation: sends it, shows the answer as it comes, and lets the strip follow the request.

import { ApiError, events, json, request } from "./api.js";
import { count, element } from "./draw.js";

const LOOK_MILLIS = 200;
const LONG_CHARACTERS = 700;
const MOST_TOKENS_OF_TEXT = 262144;

const log = document.getElementById("log");

/** What tokens of a prompt say: asked of the server once, answered from then on. */
class PromptText {
  #ids = null;
  #said = new Map();

  constructor(model, changed) {
    this.model = model;
    this.changed = changed;
  }

  async read(messages, tokens) {
    if (this.#ids !== null || tokens > MOST_TOKENS_OF_TEXT) {
      return;
    }
    this.#ids = [];
    const { tokens: ids } = await json("tokenize", { model: this.model, messages });
    this.#ids = ids.length === tokens ? ids : [];
  }

  /** The text of the tokens from one position to another, or null as long as it is not known. */
  at(from, to) {
    const ids = (this.#ids ?? []).slice(from, to);
    const key = `${from} ${to}`;
    if (ids.length > 0 && !this.#said.has(key)) {
      this.#said.set(key, null);
      json("detokenize", { model: this.model, tokens: ids })
        .then(({ prompt }) => {
          this.#said.set(key, prompt.replace(/\s+/g, " ").trim());
          this.changed();
        })
        .catch(() => {});
    }
    return this.#said.get(key) ?? null;
  }
}

export class Chat {
  #messages = [];
  #strip;
  #running = null;

  constructor(strip) {
    this.#strip = strip;
  }

  get busy() {
    return this.#running !== null;
  }

  stop() {
    this.#running?.abort();
  }

  clear() {
    this.stop();
    this.#messages = [];
    log.replaceChildren();
  }

  /** Sends a message and shows the answer until its end; `options` are fields of the request. */
  async send(text, options) {
    const messages = this.#messages;
    const asked = this.#turn("user", text);
    messages.push({ role: "user", content: text });
    if (text.length > LONG_CHARACTERS) {
      asked.classList.add("long");
      const toggle = element("button", "Show all");
      toggle.type = "button";
      toggle.setAttribute("aria-expanded", "false");
      toggle.addEventListener("click", () => {
        const open = asked.classList.toggle("open");
        toggle.textContent = open ? "Show less" : "Show all";
        toggle.setAttribute("aria-expanded", String(open));
      });
      asked.append(toggle);
    }
    const answer = this.#turn("assistant", "");
    answer.classList.add("busy");
    this.#scroll(true);
    const shown = new ShownAnswer(answer);
    this.#running = new AbortController();
    try {
      await this.#stream(messages, options, shown);
    } catch (problem) {
      if (problem.name !== "AbortError") {
        shown.problem(problem instanceof ApiError ? problem.message : "The connection to the server was lost.");
      } else {
        shown.stopped();
      }
    } finally {
      this.#running = null;
      answer.classList.remove("busy");
      if (shown.content) {
        messages.push({ role: "assistant", content: shown.content });
      } else {
        messages.pop(); // a question without an answer is no part of the conversation
      }
      this.#scroll(false);
    }
    return shown;
  }

  async #stream(messages, options, shown) {
    const signal = this.#running.signal;
    const body = { ...options, messages, stream: true, stream_options: { include_usage: true } };
    const reply = await request("v1/chat/completions", body, signal);
    let looking = null;
    try {
      for await (const event of events(reply)) {
        looking ??= this.#look(event.id, options.model, [...messages], signal, shown);
        if (event.error) {
          throw new ApiError(0, event.error.message);
        }
        const low = this.#atEnd();
        shown.take(event);
        this.#scroll(low);
      }
    } finally {
      shown.over = true;
      await looking;
    }
  }

  /** Follows the request on the strip, until it has ended. */
  async #look(id, model, messages, signal, shown) {
    let last = null;
    const text = new PromptText(model, () => this.#strip.said());
    this.#strip.begin((from, to) => text.at(from, to));
    try {
      do {
        last = await json(`v1/requests/${encodeURIComponent(id)}/attention`);
        this.#strip.show(last);
        if (last.selected?.steps > 0) {
          text.read(messages, last.prompt_tokens).catch(() => {});
        }
        if (last.state !== "ended" && !shown.over) {
          await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS));
        }
      } while (last.state !== "ended" && !signal.aborted);
      if (signal.aborted) {
        last = await json(`v1/requests/${encodeURIComponent(id)}/attention`);
        this.#strip.show(last);
      }
    } catch {
      // The answer tells of what is wrong, if anything is.
    }
  }

  #turn(role, text) {
    const turn = element("article", "", `turn ${role}`);
    turn.setAttribute("aria-label", role === "user" ? "You" : "Answer");
    turn.append(element("div", text, "text"));
    log.append(turn);
    return turn;
  }

  #atEnd() {
    return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  }

  #scroll(toEnd) {
    if (toEnd || this.#atEnd()) {
      log.scrollTop = log.scrollHeight;
    }
  }
}

/** An answer on the page. All of it is text. */
class ShownAnswer {
  content = "";
  over = false;
  #turn;
  #text = document.createTextNode("");
  #thoughts = null;
  #usage = null;
  #reason = "";
  #begun = performance.now();
  #first = 0;

  constructor(turn) {
    this.#turn = turn;
    turn.querySelector(".text").append(this.#text);
  }

  take(event) {
    const choice = event.choices?.[0];
    const piece = choice?.delta?.content ?? "";
    const thought = choice?.delta?.reasoning_content ?? "";
    if ((piece || thought) && this.#first === 0) {
      this.#first = performance.now();
    }
    if (thought) {
      this.#thought(thought);
    }
    this.content += piece;
    this.#text.appendData(this.content === piece ? piece.trimStart() : piece);
    this.#reason = choice?.finish_reason ?? this.#reason;
    if (event.usage) {
      this.#usage = event.usage;
      this.#meta(this.#summary());
    }
  }

  #thought(text) {
    if (this.#thoughts === null) {
      const details = element("details");
      const box = element("div", "", "text");
      this.#thoughts = document.createTextNode("");
      box.append(this.#thoughts);
      details.append(element("summary", "Thoughts"), box);
      this.#turn.prepend(details);
    }
    this.#thoughts.appendData(text);
  }

  #summary() {
    const { completion_tokens: tokens, prompt_tokens: prompt, prompt_tokens_details: details } = this.#usage;
    const seconds = (performance.now() - this.#first) / 1000;
    const cached = details?.cached_tokens ?? 0;
    const parts = [`${count(tokens)} tokens`];
    if (tokens > 1 && this.#first > 0) {
      parts.push(`${count((tokens - 1) / seconds)} a second`);
      parts.push(`first after ${((this.#first - this.#begun) / 1000).toFixed(2)} s`);
    }
    parts.push(`prompt ${count(prompt)}${cached > 0 ? `, ${count(cached)} of them cached` : ""}`);
    if (this.#reason === "length") {
      parts.push("cut at the limit");
    }
    return parts.join(" \u00b7 ");
  }

  get summary() {
    return this.#usage ? `Answer complete. ${this.#summary()}` : "The answer ended.";
  }

  stopped() {
    this.#meta("stopped");
  }

  problem(message) {
    this.#meta(message, "meta problem");
  }

  #meta(text, className = "meta") {
    this.#turn.append(element("p", text, className));
  }
}
