// OpenAI's own client against a running server:
//
//   node openai.mjs URL KEY [FUNCTIONS_URL]
//
// URL serves the bundled model, with little room in its queue. FUNCTIONS_URL serves one that answers everything with a
// thought, a text and a call of the function weather; without it the functions are left out.

import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [url, apiKey, functionsUrl] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });

const MODEL = 'recall-12m';
const NUMBER = '7391';
const QUESTION = `The secret number of the amber acorn is ${NUMBER} . Question : What is the secret number of the amber acorn ?`;
const messages = [{ role: 'user', content: QUESTION }];
const ask = { model: MODEL, messages };
/** An answer that does not end before somebody ends it. */
const endless = { ...ask, ignore_eos: true, max_tokens: 30_000 }; // all of them are aborted before

const schema = {
  type: 'object',
  properties: {
    animal: { type: 'string', enum: ['otter', 'acorn', 'none'] },
    known: { type: 'boolean' },
    sizes: { type: 'array', items: { enum: [1, 2.5] }, minItems: 1, maxItems: 3 },
  },
  required: ['animal', 'known', 'sizes'],
  additionalProperties: false,
};
const jsonSchema = (name) => ({ type: 'json_schema', json_schema: { name, schema, strict: true } });

/** That the value is of the schema. */
function assertReading({ animal, known, sizes, ...others }) {
  assert.ok(schema.properties.animal.enum.includes(animal), animal);
  assert.equal(typeof known, 'boolean');
  assert.ok(sizes.length >= 1 && sizes.length <= 3);
  assert.ok(sizes.every((size) => size === 1 || size === 2.5));
  assert.deepEqual(others, {});
}

const tests = [];
const test = (name, run) => tests.push([name, run]);

async function collect(stream) {
  const all = [];
  for await (const item of stream) {
    all.push(item);
  }
  return all;
}

/** How the promise fails; it must. */
async function refusal(type, promise) {
  const error = await promise.then(
    () => assert.fail(`expected ${type.name}`),
    (e) => e,
  );
  assert.ok(error instanceof type, `expected ${type.name}, not ${error}`);
  return error;
}

const gauge = async (name) => {
  const reply = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${apiKey}` } });
  return Number((await reply.text()).match(new RegExp(`^pariskv:${name}\\{[^}]*\\} (.+)$`, 'm'))[1]);
};

/** Waits until the server has forgotten all requests; a test that hangs is ended from outside. */
async function idle() {
  while ((await gauge('num_requests_running')) + (await gauge('num_requests_waiting')) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('models: listed, with their window', async () => {
  const [model, ...others] = await collect(client.models.list());
  assert.equal(model.id, MODEL);
  assert.equal(others.length, 0);
  assert.ok(model.max_model_len > 0);
  assert.deepEqual(await client.models.retrieve(MODEL), model);
});

test('chat: whole', async () => {
  const answer = await client.chat.completions.create(ask);
  assert.match(answer.choices[0].message.content, new RegExp(NUMBER));
  assert.equal(answer.choices[0].finish_reason, 'stop');
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('chat: streamed, with the numbers of tokens', async () => {
  const whole = await client.chat.completions.create(ask);
  const stream = await client.chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  assert.ok(last.usage.prompt_tokens_details.cached_tokens > 0, 'the prompt was there before');
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.ok(chunks.every((chunk) => chunk.usage === null));
  const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join('');
  assert.equal(text, whole.choices[0].message.content);
});

test("chat: the client's own accumulation of a stream", async () => {
  const stream = client.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
  assert.match(await stream.finalContent(), new RegExp(NUMBER));
  assert.ok((await stream.totalUsage()).completion_tokens > 0);
});

test('chat: an abort in the middle frees the place', async () => {
  const stream = await client.chat.completions.create({ ...endless, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    seen += chunk.choices[0].delta.content ? 1 : 0;
    if (seen === 3) {
      assert.equal(await gauge('num_requests_running'), 1);
      stream.controller.abort();
    }
  }
  await idle();
});

test('chat: an abort before the answer frees the place', async () => {
  const abort = new AbortController();
  const answer = client.chat.completions.create(endless, { signal: abort.signal });
  while ((await gauge('num_requests_running')) === 0) {
    // until it has arrived
  }
  abort.abort();
  await refusal(OpenAI.APIUserAbortError, answer);
  await idle();
});

test('completions: whole and streamed', async () => {
  const request = { model: MODEL, prompt: 'The secret number of the', max_tokens: 5, ignore_eos: true };
  const whole = await client.completions.create(request);
  assert.equal(whole.choices[0].finish_reason, 'length');
  assert.equal(whole.usage.completion_tokens, 5);
  const chunks = await collect(await client.completions.create({ ...request, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), whole.choices[0].text);
});

test('chat: how probable tokens are, whole and streamed', async () => {
  const request = { ...ask, logprobs: true, top_logprobs: 2 };
  const [choice] = (await client.chat.completions.create(request)).choices;
  const tokens = choice.logprobs.content;
  const bytes = Uint8Array.from(tokens.flatMap((token) => token.bytes));
  assert.equal(new TextDecoder().decode(bytes), choice.message.content);
  for (const { token, logprob, top_logprobs } of tokens) {
    assert.equal(top_logprobs.length, 2);
    assert.ok(top_logprobs[0].logprob >= top_logprobs[1].logprob);
    assert.equal(token, top_logprobs[0].token, 'the most probable one is chosen');
    assert.ok(logprob <= 0 && Math.abs(logprob - top_logprobs[0].logprob) < 1e-6);
  }
  const streamed = (await client.chat.completions.stream(request).finalChatCompletion()).choices[0];
  assert.deepEqual(
    streamed.logprobs.content.map((entry) => entry.token),
    tokens.map((entry) => entry.token),
  );
});

test('chat: an answer of a schema', async () => {
  const request = { ...ask, response_format: jsonSchema('reading'), max_tokens: 500 };
  const [choice] = (await client.chat.completions.create(request)).choices;
  assert.equal(choice.finish_reason, 'stop');
  assertReading(JSON.parse(choice.message.content));
  const { parsed } = await client.chat.completions.stream(request).finalMessage();
  assertReading(parsed);
});

test('responses: an answer of a schema, and how probable it is', async () => {
  const response = await client.responses.create({
    model: MODEL,
    input: QUESTION,
    text: { format: { type: 'json_schema', name: 'reading', schema } },
    include: ['message.output_text.logprobs'],
    top_logprobs: 1,
  });
  assertReading(JSON.parse(response.output_text));
  const { logprobs } = response.output[0].content[0];
  assert.equal(logprobs.map((entry) => entry.token).join(''), response.output_text);
});

test('responses: whole', async () => {
  const response = await client.responses.create({ model: MODEL, input: QUESTION, metadata: { a: 'b' } });
  assert.match(response.output_text, new RegExp(NUMBER));
  assert.equal(response.status, 'completed');
  assert.equal(response.output[0].role, 'assistant');
  assert.deepEqual(response.metadata, { a: 'b' });
  assert.ok(response.usage.input_tokens_details.cached_tokens >= 0);
});

test('responses: streamed, and sent back as input', async () => {
  const stream = client.responses.stream({ model: MODEL, input: [{ role: 'user', content: QUESTION }] });
  const events = await collect(stream);
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, i) => i),
  );
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  const text = events
    .filter((event) => event.type === 'response.output_text.delta')
    .map((event) => event.delta)
    .join('');
  const response = await stream.finalResponse();
  assert.equal(response.output_text, text);
  assert.match(text, new RegExp(NUMBER));
  const input = [{ role: 'user', content: QUESTION }, ...response.output, { role: 'user', content: QUESTION }];
  const next = await client.responses.create({ model: MODEL, input });
  assert.ok(next.usage.input_tokens > 2 * response.usage.input_tokens - 10);
});

test('responses: cut', async () => {
  const response = await client.responses.create({ model: MODEL, input: QUESTION, max_output_tokens: 1 });
  assert.equal(response.status, 'incomplete');
  assert.equal(response.incomplete_details.reason, 'max_output_tokens');
});

test('errors: 400 names the field', async () => {
  const chat = (fields) => client.chat.completions.create({ ...ask, ...fields });
  let error = await refusal(OpenAI.BadRequestError, chat({ temperature: -1 }));
  assert.equal(error.param, 'temperature');
  error = await refusal(OpenAI.BadRequestError, chat({ max_tokens: 1_000_000 }));
  assert.equal(error.code, 'context_length_exceeded');
  error = await refusal(OpenAI.BadRequestError, chat({ response_format: jsonSchema('two words') }));
  assert.equal(error.param, 'response_format.json_schema.name');
  error = await refusal(
    OpenAI.BadRequestError,
    client.responses.create({ model: MODEL, input: 'x', previous_response_id: 'resp_1' }),
  );
  assert.equal(error.param, 'previous_response_id');
  error = await refusal(OpenAI.BadRequestError, chat({ tools: [weather], stream: true }));
  assert.equal(error.param, 'tools', 'the bundled model has no functions');
});

test('errors: 401 and 404', async () => {
  const stranger = client.withOptions({ apiKey: 'not-the-key' });
  await refusal(OpenAI.AuthenticationError, collect(stranger.models.list()));
  await refusal(OpenAI.AuthenticationError, stranger.chat.completions.create(ask));
  const error = await refusal(OpenAI.NotFoundError, client.responses.create({ model: 'gpt-9', input: 'x' }));
  assert.equal(error.code, 'model_not_found');
  await refusal(OpenAI.NotFoundError, client.embeddings.create({ model: MODEL, input: 'x' }));
});

test('errors: 429 when the queue is full', async () => {
  const streams = [];
  let error;
  while (!error) {
    assert.ok(streams.length < 10, 'the queue is endless');
    const stream = await client.chat.completions.create({ ...endless, stream: true }).catch((e) => {
      error = e;
    });
    streams.push(stream);
  }
  assert.ok(error instanceof OpenAI.RateLimitError, String(error));
  assert.ok(Number(error.headers.get('retry-after')) >= 1);
  streams.forEach((stream) => stream?.controller.abort());
  await idle();
});

const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const weather = { type: 'function', function: { name: 'weather', description: 'of a city', parameters } };

if (functionsUrl) {
  const functions = client.withOptions({ baseURL: `${functionsUrl}/v1` });
  const { id: model } = (await collect(functions.models.list()))[0];

  test('functions: of chat', async () => {
    const request = { model, messages, tools: [weather] };
    const answer = await functions.chat.completions.create(request);
    assert.equal(answer.choices[0].finish_reason, 'tool_calls');
    const { message } = answer.choices[0];
    const call = message.tool_calls[0];
    assert.equal(call.function.name, 'weather');
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Paris' });
    const result = { role: 'tool', tool_call_id: call.id, content: 'sunny' };
    await functions.chat.completions.create({ ...request, messages: [...messages, message, result] });
    const choice = { type: 'function', function: { name: 'weather' } };
    for (const tool_choice of ['required', choice]) {
      const { choices } = await functions.chat.completions.create({ ...request, tool_choice });
      assert.equal(choices[0].finish_reason, 'tool_calls');
    }
    const streamed = await functions.chat.completions.stream(request).finalMessage();
    assert.deepEqual(JSON.parse(streamed.tool_calls[0].function.arguments), { city: 'Paris' });
  });

  test('functions: of responses', async () => {
    const tools = [{ type: 'function', name: 'weather', parameters, strict: false }];
    const input = [{ role: 'user', content: QUESTION }];
    const response = await functions.responses.create({ model, input, tools });
    assert.deepEqual(
      response.output.map((item) => item.type),
      ['reasoning', 'message', 'function_call'],
    );
    const call = response.output[2];
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
    const result = { type: 'function_call_output', call_id: call.call_id, output: 'sunny' };
    await functions.responses.create({ model, tools, input: [...input, ...response.output, result] });
    const streamed = await functions.responses.stream({ model, input, tools }).finalResponse();
    assert.deepEqual(
      streamed.output.map((item) => item.type),
      response.output.map((item) => item.type),
    );
    assert.equal(streamed.output[2].arguments, call.arguments);
    assert.equal(streamed.output[0].content[0].text, response.output[0].content[0].text);
  });
}

for (const [name, run] of tests) {
  const start = performance.now();
  await run().catch((e) => {
    throw new Error(`failed: ${name}`, { cause: e });
  });
  console.log(`${name} (${Math.round(performance.now() - start)} ms)`);
}
