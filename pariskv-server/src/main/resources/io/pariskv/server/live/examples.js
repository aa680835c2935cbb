// Prompts to begin with: documents in the words that the bundled model knows, with something hidden in them.

const ADJECTIVES = ("amber ancient azure blue brave bright calm clever cosmic crimson curious distant eager early electric emerald " +
  "faithful famous gentle golden grand happy hidden honest icy indigo jolly lively lonely lucky merry mighty nimble noble odd " +
  "patient proud quiet rapid rusty scarlet silent silver snowy sunny swift timid velvet wise young").split(" ");
const NOUNS = ("acorn anchor apple badge bamboo barn basket beacon bell bison bridge cabin cactus candle canyon castle cedar comet " +
  "compass coral cottage dolphin dragon eagle falcon feather forest fountain galaxy garden glacier harbor heron island kettle " +
  "lantern lemon lizard maple meadow mirror moth ocean orchard otter panther pebble piano planet plum raven river rocket saddle " +
  "sparrow temple tiger tower turtle valley violin willow").split(" ");
const VERBS = "admired carried chased cleaned covered drew followed found greeted guarded helped kept lifted met noticed painted".split(" ");

/** Numbers from 0 to `n` - 1, the same ones for every `seed`. */
function dice(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function filler(roll) {
  const a = () => ADJECTIVES[roll(ADJECTIVES.length)];
  const n = () => NOUNS[roll(NOUNS.length)];
  const v = () => VERBS[roll(VERBS.length)];
  return [
    () => `The ${a()} ${n()} ${v()} the ${a()} ${n()} near the ${a()} ${n()} and rested .`,
    () => `Every ${n()} in the ${a()} ${n()} ${v()} a ${a()} ${n()} with the ${n()} .`,
    () => `Some ${n()} near the ${a()} ${n()} ${v()} the ${n()} but never the ${n()} .`,
  ][roll(3)]();
}

/** So many different things. */
function things(roll, number) {
  const found = new Set();
  while (found.size < number) {
    found.add(`${ADJECTIVES[roll(ADJECTIVES.length)]} ${NOUNS[roll(NOUNS.length)]}`);
  }
  return [...found];
}

/** `facts` at random places among fillers. */
function hide(roll, facts, sentences) {
  const all = Array.from({ length: sentences - facts.length }, () => filler(roll));
  facts.forEach((fact) => all.splice(roll(all.length + 1), 0, fact));
  return all.join(" ");
}

function path() {
  const roll = dice(7);
  const names = things(roll, 40);
  const links = names.map((name, i) => `The path from the ${name} leads to the ${names[(i + 1) % names.length]} on foot .`);
  return `${hide(roll, links, 250)} Question : Follow the path from the ${names[0]} .`;
}

function number() {
  const roll = dice(11);
  const names = things(roll, 24);
  const facts = names.map((name) => `The secret number of the ${name} is ${1000 + roll(9000)} .`);
  return `${hide(roll, facts, 250)} Question : What is the secret number of the ${names[5]} ?`;
}

export const EXAMPLES = [
  ["Follow a path through 250 sentences", path],
  ["Find a number in 250 sentences", number],
];
