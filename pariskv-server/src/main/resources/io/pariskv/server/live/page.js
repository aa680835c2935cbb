// Puts the page together: model, key, messages.

import { setKey } from "./api.js";
import { Chat } from "./chat.js";
import { count, element } from "./draw.js";
import { EXAMPLES } from "./examples.js";
import { Status } from "./status.js";
import { Strip } from "./strip.js";

const id = (name) => document.getElementById(name);

const chat = new Chat(new Strip());
const status = new Status(show);
let models = [];

/** The server has told how it is, or why it does not. */
function show(now, problem) {
  id("key-form").hidden = problem?.status !== 401;
  if (problem) {
    facts([["", problem.status === 401 ? "this server wants an API key" : "no answer from the server"]]);
    models = [];
    return;
  }
  if (models.length === 0) {
    models = now.models;
    id("model").replaceChildren(...models.map((model) => element("option", model.id)));
    id("model-pick").hidden = models.length < 2;
    id("version").textContent = now.version === "unknown" ? "" : `ParisKV ${now.version}`;
    choose();
  }
}

function choose() {
  const model = models.find((each) => each.id === id("model").value);
  if (model) {
    facts([["", model.id], ["method", model.method], ["backend", model.backend],
      ["context", `${count(model.context_length)} tokens`]]);
    status.select(model.id);
  }
}

function facts(list) {
  id("facts").replaceChildren(...list.filter(([, value]) => value).map(([name, value]) => {
    const item = element("li", name ? `${name} ` : "");
    item.append(element("b", value));
    return item;
  }));
}

/** Fields of the request that the page offers. */
function options() {
  const fields = { model: id("model").value };
  if (id("max-tokens").value) {
    fields.max_tokens = id("max-tokens").valueAsNumber;
  }
  if (id("temperature").value) {
    fields.temperature = id("temperature").valueAsNumber;
  }
  return fields;
}

async function send(text) {
  if (chat.busy || !text.trim()) {
    return;
  }
  id("prompt").value = "";
  id("empty").hidden = true;
  id("send").hidden = true;
  id("stop").hidden = false;
  id("announce").textContent = "The answer begins.";
  const answer = await chat.send(text, options());
  id("announce").textContent = answer.summary;
  id("stop").hidden = true;
  id("send").hidden = false;
  await status.refresh();
}

id("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send(id("prompt").value);
});
id("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send(id("prompt").value);
  }
});
id("stop").addEventListener("click", () => {
  chat.stop();
  id("prompt").focus();
});
id("clear").addEventListener("click", () => {
  chat.clear();
  id("empty").hidden = false;
  id("prompt").focus();
});
id("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) {
    const question = id("prompt").value;
    id("prompt").value = `${await file.text()}\n\n${question}`;
    id("prompt").focus();
  }
});
id("model").addEventListener("change", choose);
id("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setKey(id("key").value.trim());
  id("key").value = "";
  status.refresh();
});
for (const [name, make] of EXAMPLES) {
  const button = element("button", name);
  button.type = "button";
  button.addEventListener("click", () => send(make()));
  id("examples").append(button);
}
status.run();
