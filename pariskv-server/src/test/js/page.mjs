// The page in a browser:
//
//   node page.mjs URL ENDLESS_URL HOSTILE_URL KEY
//
// URL serves the bundled model with a method that retrieves. ENDLESS_URL says "Once upon a time" and then nothing until it
// is stopped; it has taken 5 steps. HOSTILE_URL wants KEY, and its answers are markup.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, endlessUrl, hostileUrl, key] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const SENTENCES = 24;
const LINKS = Array.from({ length: SENTENCES }, (_, i) => {
  const names = ["amber acorn", "brave falcon", "calm river", "gentle bamboo", "golden cedar", "idle lynx"];
  return `The path from the ${names[i % 6]} leads to the ${names[(i + 1) % 6]} on foot .`;
});
const PROMPT = `${LINKS.join(" ")} Question : Follow the path from the amber acorn .`;

const folder = mkdtempSync(join(tmpdir(), "pariskv-browser-"));
const browser = await chromium.launchPersistentContext(folder, {
  executablePath: "/usr/bin/chromium", headless: true, args: FLAGS, viewport: { width: 1240, height: 880 },
});
browser.setDefaultTimeout(30_000);

/** A page whose errors, refused content and requests to anybody else fail the test; but for replies that it must cope with. */
async function open(address, refused = []) {
  const page = await browser.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !refused.some((path) => message.location().url.endsWith(path))) {
      page.problems.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${address}/`)) {
      page.problems.push(`asked for ${request.url()}`);
    }
  });
  await page.goto(`${address}/`);
  return page;
}

async function showsModelAndMemory(page) {
  await page.locator("#facts").getByText("recall-12m").waitFor();
  assert.match(await page.locator("#facts").innerText(), /method pariskv/);
  await page.locator("#plan tr").filter({ hasText: "K and V" }).waitFor();
  assert.match(await page.locator("#plan-note").innerText(), /one sequence of [\d,]+ tokens/);
  assert.match(await page.locator("#gauges").innerText(), /Running\s+0\s+of 2/);
}

async function showsWhereAnAnswerRetrieved(page) {
  await page.getByLabel("Tokens", { exact: true }).fill("40");
  await page.getByLabel("Message").fill(PROMPT);
  await page.getByRole("button", { name: "Send" }).click();
  const answer = page.locator(".turn.assistant").first();
  await answer.getByText(/The path from the amber acorn leads to the brave falcon/).waitFor();
  await page.locator("#strip-state").getByText(/retrieval zone .* 39 steps/).waitFor();
  await page.locator("#strip-top q").first().waitFor();
  assert.match(await page.locator("#plot").getAttribute("aria-label"), /sink 16, retrieval zone/);
  assert.ok(await page.evaluate(() => {
    const canvas = document.getElementById("steps");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value > 0);
  }), "nothing is drawn");
  await page.locator("#plot").focus();
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.locator("#tip").innerText(), /tokens? [\d,]+.*:/);
}

/** By keyboard alone: Enter sends, and Stop is reached from there. */
async function followsAnAnswer_andStopsIt(page) {
  await page.locator("#facts").getByText("fake").waitFor();
  await page.getByLabel("Message").focus();
  await page.keyboard.type("hi");
  await page.keyboard.press("Enter");
  const answer = page.locator(".turn.assistant").first();
  await answer.getByText("Once upon a time").waitFor();
  await page.locator("#strip-state").getByText(/retrieval zone .* Step 5/).waitFor();
  await page.getByRole("button", { name: "Stop" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Send" }).waitFor();
  await answer.getByText("stopped").waitFor();
}

async function goesOnWithTheConversation(page) {
  await page.getByLabel("Tokens", { exact: true }).fill("12");
  await page.getByLabel("Message").fill("Question : Follow the path from the calm river .");
  await page.getByRole("button", { name: "Send" }).click();
  const answer = page.locator(".turn.assistant").nth(1);
  await answer.getByText(/12 tokens · .* · cut at the limit/).waitFor();
  await page.locator("#strip-state").getByText(/11 steps/).waitFor();
  await page.getByRole("button", { name: "New chat" }).click();
  assert.equal(await page.locator(".turn").count(), 0);
  await page.getByRole("button", { name: /Follow a path/ }).waitFor();
}

async function everyControlHasAName(page) {
  const nameless = await page.evaluate(() => [...document.querySelectorAll("input, textarea, select, button")]
    .filter((control) => !control.labels?.length && !control.textContent.trim() && !control.ariaLabel)
    .map((control) => control.outerHTML));
  assert.deepEqual(nameless, []);
}

async function wantsItsKey_andTakesAnswersForText(page) {
  const field = page.getByLabel("API key");
  await field.waitFor();
  await field.fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#facts").getByText("fake").waitFor();
  assert.ok(await field.isHidden());
  const markup = "<b id=user>mine</b>";
  await page.getByLabel("Message").fill(markup);
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".turn.assistant .meta").waitFor();
  assert.equal(await page.locator(".turn.user .text").innerText(), markup);
  assert.match(await page.locator(".turn.assistant .text").last().innerText(), /<img src=x onerror="hit\(\)"><script>hit\(\)<\/script>/);
  assert.equal(await page.locator("#log").locator("img, script, b, a").count(), 0);
}

try {
  const page = await open(url);
  await showsModelAndMemory(page);
  await everyControlHasAName(page);
  await showsWhereAnAnswerRetrieved(page);
  await goesOnWithTheConversation(page);
  assert.deepEqual(page.problems, []);
  const endless = await open(endlessUrl);
  await followsAnAnswer_andStopsIt(endless);
  assert.deepEqual(endless.problems, []);
  const hostile = await open(hostileUrl, ["/status", "/attention"]);
  await wantsItsKey_andTakesAnswersForText(hostile);
  assert.deepEqual(hostile.problems, []);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
