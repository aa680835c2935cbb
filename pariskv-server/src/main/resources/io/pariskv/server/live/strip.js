// The strip of the context: one line a decode step, and where in the context it went back to; under it the sum of all
// steps, and the zones. Position is tokens from the left; the stronger, the more keys selected, all layers and heads together.

import { begin, colour, count, element, percent, redrawn } from "./draw.js";

const ROWS = 32;
const PEAKS = 3;
const SNIPPET_TOKENS = 14;
const TOP_MILLIS = 600;

const id = (name) => document.getElementById(name);

export class Strip {
  #rows = [];
  #steps = 0;
  #width = 1;
  #latest = null;
  #text = null;
  #cursor = null;
  #topAt = 0;
  #peaks = [];

  constructor() {
    redrawn(id("plot"), () => this.#draw());
    const plot = id("plot");
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      this.#point((event.clientX - box.left) / box.width);
    });
    plot.addEventListener("pointerleave", () => this.#point(null));
    plot.addEventListener("blur", () => this.#point(null));
    plot.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (move && this.#latest) {
        event.preventDefault();
        const bin = this.#width / this.#total();
        const at = this.#cursor ?? 0.5 * bin;
        this.#point(Math.min(Math.max(at + move * bin, 0), 1 - 1e-9));
      }
    });
  }

  /** A request begins; `text` is asked for what the tokens from one position to another say. */
  begin(text) {
    this.#rows = [];
    this.#steps = 0;
    this.#latest = null;
    this.#text = text;
    this.#topAt = 0;
    this.#peaks = [];
    id("strip").classList.remove("idle");
    id("strip-top").replaceChildren();
    id("strip-state").textContent = "Waiting for the first look at the context.";
    this.#draw();
  }

  /** What the server says of the request now. */
  show(now) {
    this.#latest = now;
    if (now.selected) {
      this.#take(now.selected);
    }
    id("strip-state").textContent = this.#state(now);
    this.#draw();
    this.#point(this.#cursor);
    if (performance.now() - this.#topAt > TOP_MILLIS || now.state === "ended") {
      this.#topAt = performance.now();
      this.#peaks = this.#findPeaks();
      this.#showTop();
    }
  }

  /** What some tokens say is known now. */
  said() {
    if (this.#latest) {
      this.#showTop();
      this.#point(this.#cursor);
    }
  }

  /** New steps become rows. Rows of narrower bins become as the new ones are. */
  #take(selected) {
    const factor = selected.bin_tokens / this.#width;
    if (factor > 1 && this.#rows.length > 0) {
      this.#rows = this.#rows.map((row) => {
        const wider = new Array(Math.ceil(row.length / factor)).fill(0);
        row.forEach((keys, bin) => (wider[Math.floor(bin / factor)] += keys));
        return wider;
      });
    }
    this.#width = selected.bin_tokens;
    const fresh = Math.min(selected.steps - this.#steps, selected.latest.length);
    if (fresh > 0) {
      this.#rows = this.#rows.concat(selected.latest.slice(-fresh)).slice(-ROWS);
    }
    this.#steps = selected.steps;
  }

  #state(now) {
    const [, sink] = now.zones.sink;
    const [from, to] = now.zones.retrieval;
    const zone = to - from;
    const doing = {
      queued: "In the queue.",
      prefill: `Reading the prompt: ${count(now.context_tokens)} of ${count(now.prompt_tokens)} tokens.`,
      decode: `Step ${count(this.#steps)}.`,
      ended: `${count(this.#steps)} steps.`,
    }[now.state];
    if (now.state === "queued" || now.state === "prefill") {
      return doing;
    }
    if (zone === 0) {
      return `${count(now.context_tokens)} tokens, all attended at every step: ` +
        (now.method === "full" ? "method full retrieves nothing." : "the context is short, so nothing has to be retrieved.");
    }
    const parts = `${count(now.context_tokens)} tokens: sink ${count(sink)}, retrieval zone ${count(zone)}, ` +
      `recent ${count(now.context_tokens - to)}.`;
    if (!now.selected) {
      return `${parts} The server does not count what is retrieved (--attention-strip off).`;
    }
    return this.#sum(now.selected.total) === 0 ? `${parts} Method ${now.method} retrieves nothing.` : `${parts} ${doing}`;
  }

  #sum(values) {
    return values.reduce((sum, value) => sum + value, 0);
  }

  #total() {
    return Math.max(this.#latest?.context_tokens ?? 1, this.#latest?.prompt_tokens ?? 1, 1);
  }

  #draw() {
    const now = this.#latest;
    const steps = begin(id("steps"));
    const sums = begin(id("sums"));
    const zones = begin(id("zones"));
    id("scale-end").textContent = now ? `${count(this.#total())} tokens` : "tokens";
    if (!now) {
      return;
    }
    this.#drawZones(zones, now.zones, 1);
    this.#drawZones(steps, now.zones, 0.1);
    const x = (token) => (token / this.#total()) * steps.width;
    const ink = colour("selected");
    const high = steps.height / ROWS;
    this.#rows.forEach((row, index) => {
      const most = Math.max(...row, 1);
      const y = steps.height - (this.#rows.length - index) * high;
      steps.context.fillStyle = ink;
      row.forEach((keys, bin) => {
        if (keys > 0) {
          steps.context.globalAlpha = 0.07 + 0.93 * (keys / most) ** 1.2;
          steps.context.fillRect(x(bin * this.#width), y, Math.max(x(this.#width), 1), high - 0.5);
        }
      });
    });
    const total = now.selected?.total ?? [];
    const most = Math.max(...total, 1);
    sums.context.fillStyle = ink;
    total.forEach((keys, bin) => {
      const tall = (keys / most) * (sums.height - 3);
      sums.context.fillRect(x(bin * this.#width), sums.height - tall, Math.max(x(this.#width), 1), tall);
    });
    id("plot").setAttribute("aria-label", this.#state(now));
  }

  #drawZones({ context, width, height }, zones, alpha) {
    context.globalAlpha = alpha;
    for (const [name, zone] of [["selected", zones.retrieval], ["recent", zones.recent], ["sink", zones.sink]]) {
      const [from, to] = zone.map((token) => (token / this.#total()) * width);
      if (to > from && !(name === "selected" && alpha < 1)) {
        context.fillStyle = colour(name);
        context.globalAlpha = name === "selected" ? 0.3 * alpha : alpha;
        context.fillRect(from, 0, Math.max(to - from, 2), height);
      }
    }
    context.globalAlpha = 1;
  }

  /** Shows what is at a part of the width, from 0 to 1; nothing if null. */
  #point(part) {
    const tip = id("tip");
    const now = this.#latest;
    this.#cursor = now ? part : null;
    id("cursor").hidden = tip.hidden = this.#cursor === null;
    if (this.#cursor === null) {
      return;
    }
    id("cursor").style.left = `${100 * part}%`;
    tip.style.left = part < 0.5 ? `calc(${100 * part}% + 10px)` : "auto";
    tip.style.right = part < 0.5 ? "auto" : `calc(${100 - 100 * part}% + 10px)`;
    const token = Math.floor(part * this.#total());
    const bin = Math.floor(token / this.#width);
    const from = bin * this.#width;
    const to = Math.min(from + this.#width, this.#total()) - 1;
    const range = from === to ? `token ${count(from)}` : `tokens ${count(from)} to ${count(to)}`;
    tip.replaceChildren(element("div", `${range}: ${this.#share(bin, token)}`));
    const said = this.#text?.(...this.#around(from, to));
    if (said) {
      tip.append(element("em", said));
    }
  }

  #share(bin, token) {
    const { zones, selected, context_tokens: length } = this.#latest;
    if (token >= length) {
      return "not read yet";
    }
    if (token < zones.sink[1] || token >= zones.recent[0]) {
      return `${token < zones.sink[1] ? "sink" : "recent"}, attended at every step`;
    }
    const all = this.#sum(selected?.total ?? []);
    return all === 0 ? "not retrieved" : `${percent((selected.total[bin] ?? 0) / all)} of what was retrieved`;
  }

  /** A few tokens more than the bin has, so that they say something. */
  #around(from, to) {
    const more = Math.max(0, Math.ceil((SNIPPET_TOKENS - (to - from + 1)) / 2));
    return [Math.max(0, from - more), to + 1 + more];
  }

  /** The places that the steps in sight went back to most, none beside another. */
  #findPeaks() {
    const sums = [];
    this.#rows.forEach((row) => row.forEach((keys, bin) => (sums[bin] = (sums[bin] ?? 0) + keys)));
    const all = this.#sum(sums);
    const apart = Math.max(2, Math.ceil(SNIPPET_TOKENS / this.#width));
    const peaks = [];
    const order = sums.map((_, bin) => bin).sort((a, b) => sums[b] - sums[a]);
    for (const bin of order) {
      if (peaks.length < PEAKS && sums[bin] > 0 && peaks.every((other) => Math.abs(other.bin - bin) >= apart)) {
        peaks.push({ bin, part: sums[bin] / all, from: bin * this.#width, to: (bin + 1) * this.#width - 1 });
      }
    }
    return peaks;
  }

  #showTop() {
    id("strip-top").replaceChildren(...this.#peaks.map(({ part, from, to }) => {
      const item = element("li");
      item.append(element("b", `${percent(part)} at ${count(from)}`));
      const said = this.#text?.(...this.#around(from, to));
      if (said) {
        item.append(" ", element("q", said));
        item.title = said;
      }
      return item;
    }));
  }
}
