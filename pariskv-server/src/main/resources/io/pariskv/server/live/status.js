// What the server does now, and the memory it was planned to take.

import { json } from "./api.js";
import { begin, bytes, colour, count, element, redrawn } from "./draw.js";

const POLL_MILLIS = 1000;
const KEPT = 120;
const COLOURS = 6;

const id = (name) => document.getElementById(name);

export class Status {
  #model = null;
  #before = null;
  #speeds = [];
  #shown = null;
  #plan = null;

  /** @param changed told of every reply, and of every failure */
  constructor(changed) {
    this.changed = changed;
    redrawn(id("speed"), () => this.#drawSpeed());
    redrawn(id("plan-bar"), () => this.#drawPlan());
  }

  /** Shows another model from here on. */
  select(model) {
    this.#model = model;
    this.#before = null;
    this.#speeds = [];
    this.#show();
  }

  async run() {
    for (;;) {
      if (!document.hidden) {
        await this.refresh();
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
  }

  async refresh() {
    try {
      this.#shown = await json("status");
      this.changed(this.#shown, null);
      this.#show();
    } catch (problem) {
      this.changed(null, problem);
    }
  }

  #show() {
    const model = this.#shown?.models.find((each) => each.id === this.#model);
    if (!model) {
      return;
    }
    const { now } = model;
    const at = performance.now();
    if (this.#before) {
      const seconds = (at - this.#before.at) / 1000;
      if (seconds > 0.2) {
        this.#speeds.push((now.generated_tokens - this.#before.tokens) / seconds);
        this.#speeds = this.#speeds.slice(-KEPT);
        this.#before = { at, tokens: now.generated_tokens };
      }
    } else {
      this.#before = { at, tokens: now.generated_tokens };
    }
    this.#gauges(model);
    this.#drawSpeed();
    if (this.#plan !== model.id) {
      this.#plan = model.id;
      this.#showPlan(model);
    }
  }

  #gauges({ now }) {
    const rows = [
      ["Running", count(now.running), `of ${count(now.places)}`],
      ["Queued", count(now.waiting), ""],
      ["Tokens a second", count(this.#speeds.at(-1) ?? 0), ""],
      ["Kept prefixes", count(now.kept_tokens), "tokens"],
      ["In caches", count(now.held_tokens), `of ${short(now.room_tokens)}`],
      ["Read from caches", short(now.cached_tokens), `of ${short(now.prompt_tokens)}`],
    ];
    if (now.kv_gpu_bytes > 0) {
      rows.push(["K/V on the GPU", ...bytes(now.kv_gpu_bytes).split(" ")]);
    }
    if (now.kv_host_bytes > 0 || now.kv_gpu_bytes === 0) {
      rows.push(["K/V in host memory", ...bytes(now.kv_host_bytes).split(" ")]);
    }
    id("gauges").replaceChildren(...rows.map(([name, value, unit]) => {
      const box = element("div");
      const shown = element("dd", `${value} `);
      shown.append(element("small", unit));
      box.append(element("dt", name), shown);
      return box;
    }));
  }

  #drawSpeed() {
    const { context, width, height } = begin(id("speed"));
    const most = Math.max(...this.#speeds, 1);
    context.fillStyle = colour("selected");
    this.#speeds.forEach((speed, i) => {
      const x = width - ((this.#speeds.length - i) * width) / KEPT;
      const tall = (speed / most) * (height - 2);
      context.fillRect(x, height - tall, width / KEPT - 0.5, tall);
    });
  }

  #showPlan({ memory_plan: plan, context_length: context }) {
    if (!plan) {
      id("plan-note").textContent = "Not known.";
      return;
    }
    const sum = plan.parts.reduce((all, part) => all + part.bytes, 0);
    const places = plan.gpu_available_bytes > 0
      ? `${bytes(plan.gpu_available_bytes)} on the GPU and ${bytes(plan.host_available_bytes)} of host memory`
      : bytes(plan.host_available_bytes);
    id("plan-note").textContent = `The model and one sequence of ${count(plan.tokens ?? context)} tokens take ` +
      `${bytes(sum)}; ${places} were free.`;
    id("plan").tBodies[0].replaceChildren(...grouped(plan.parts, sum).map((part, i) => {
      const row = element("tr");
      const colours = element("td");
      const swatch = element("span", "", "swatch");
      swatch.style.background = `var(--part-${i % COLOURS})`;
      colours.append(swatch);
      row.append(colours, element("td", part.place === "host" ? part.name : `${part.name} (${part.place})`),
        element("td", bytes(part.bytes)));
      row.title = part.parts ?? "";
      return row;
    }));
    this.#drawPlan();
  }

  #drawPlan() {
    const { context, width, height } = begin(id("plan-bar"));
    const parts = this.#shown?.models.find((each) => each.id === this.#plan)?.memory_plan?.parts ?? [];
    const sum = parts.reduce((all, part) => all + part.bytes, 0) || 1;
    let x = 0;
    grouped(parts, sum).forEach((part, i) => {
      context.fillStyle = colour(`part-${i % COLOURS}`);
      context.fillRect(x, 0, (part.bytes / sum) * width, height);
      x += (part.bytes / sum) * width;
    });
  }
}

/** Parts that can be seen, and the rest as one. */
function grouped(parts, sum) {
  const small = parts.filter((part) => part.bytes < sum / 200);
  return small.length < 2 ? parts : [
    ...parts.filter((part) => !small.includes(part)),
    {
      name: "the rest",
      place: "host",
      bytes: small.reduce((all, part) => all + part.bytes, 0),
      parts: small.map((part) => `${part.name} ${bytes(part.bytes)}`).join(", "),
    },
  ];
}

/** A large number in few characters. */
function short(value) {
  return value < 100000 ? count(value) : value < 1e7 ? `${count(value / 1000)}K` : `${(value / 1e6).toFixed(0)}M`;
}
