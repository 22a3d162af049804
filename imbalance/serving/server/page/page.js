"use strict";
// Everything is written as text, never as HTML: what a model says may be anything.

const WORDS = {
  en: {
    language: "中文",
    model: "Model",
    version: "version",
    send: "Read",
    answer: "Answer",
    evidence: "What speaks for it",
    legend: "Blue speaks for the label, orange and dotted against it; the stronger, the more.",
    card: "The model",
    limits: "Known limits",
    ngram: "n-gram",
    contribution: "contribution",
    all: "all",
    type: "type",
    from: "from",
    to: "to",
    score: "score",
    none: "Nothing found.",
    unavailable: "The server does not answer.",
    text: "Text",
    text_a: "First text",
    text_b: "Second text",
    question: "Question",
    context: "Text",
    class: "class",
    precision: "precision",
    recall: "recall",
    f1: "F1",
    support: "test rows",
    trained: "training rows",
    about: (card) => `${card.network}, ${card.loss.name}, data: ${card.data.source}`,
  },
  zh: {
    language: "English",
    model: "模型",
    version: "版本",
    send: "分析",
    answer: "结果",
    evidence: "依据",
    legend: "蓝色支持该标签，橙色虚线反对；颜色越深，作用越大。",
    card: "关于模型",
    limits: "已知局限",
    ngram: "片段",
    contribution: "贡献",
    all: "全部",
    type: "类型",
    from: "起",
    to: "止",
    score: "得分",
    none: "没有找到。",
    unavailable: "服务器没有回应。",
    text: "文本",
    text_a: "文本一",
    text_b: "文本二",
    question: "问题",
    context: "文本",
    class: "类别",
    precision: "精确率",
    recall: "召回率",
    f1: "F1",
    support: "测试数",
    trained: "训练数",
    about: (card) => `${card.network}，${card.loss.name}，数据：${card.data.source}`,
  },
};
const BARS = 10;
const NGRAMS = 12;
const DEFAULT = "serving_default";

const get = (id) => document.getElementById(id);
let words = navigator.language.startsWith("zh") ? WORDS.zh : WORDS.en;
let models = [];
let last = null; // model, texts and outputs that are shown
let every = false; // whether all bars are shown

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function chosen() {
  return models[get("model").selectedIndex];
}

function inputs(model) {
  return [...model.signatures[DEFAULT]];
}

function showWords() {
  document.documentElement.lang = words === WORDS.zh ? "zh" : "en";
  for (const each of document.querySelectorAll("[data-text]")) {
    each.textContent = words[each.dataset.text];
  }
  get("language").textContent = words.language;
}

function showModel() {
  const model = chosen();
  get("version").textContent = `${words.version} ${model.version}`;
  const before = Object.fromEntries(
    [...document.querySelectorAll("textarea")].map((each) => [each.name, each.value]),
  );
  // The context stands below the question that is asked of it.
  const names = inputs(model).sort().reverse();
  if (names.includes("text_a")) names.reverse();
  get("inputs").replaceChildren(
    ...names.map((name) => {
      const label = element("label", words[name] ?? name);
      const area = element("textarea", undefined, { name, required: "" });
      area.value = before[name] ?? "";
      label.append(area);
      return label;
    }),
  );
  showCard(model.card);
}

function showCard(card) {
  get("card").hidden = !card;
  if (!card) return;
  get("about").textContent = words.about(card);
  get("limits").replaceChildren(...card.limits.map((each) => element("li", each)));
  const scores = card.metrics?.test?.all ?? {};
  const known = scores.per_class ?? scores.per_type ?? {};
  const trained = card.data.training_rows ?? {};
  const rows = Object.entries(known)
    .sort(([, one], [, other]) => one.support - other.support)
    .map(([label, of]) => [
      label,
      ...["precision", "recall", "f1"].map((name) => of[name].toFixed(3)),
      of.support.toLocaleString("en"),
      (trained[label] ?? "–").toLocaleString("en"),
    ]);
  fill(get("classes"), ["class", "precision", "recall", "f1", "support", "trained"], rows);
}

function fill(table, headings, rows, texts = 1) {
  const row = (tag, cells) => {
    const made = element("tr");
    made.append(
      ...cells.map((each, place) => element(tag, each, { class: place < texts ? "" : "number" })),
    );
    return made;
  };
  table.hidden = !rows.length;
  table.tHead.replaceChildren(row("th", headings.map((each) => words[each])));
  table.tBodies[0].replaceChildren(...rows.map((each) => row("td", each)));
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function showAnswer() {
  get("answer").hidden = !last;
  if (!last) return;
  const { model, texts, outputs } = last;
  for (const part of ["bars", "spans", "evidence"]) get(part).hidden = true;
  if (outputs.probabilities) {
    get("label").textContent = `${outputs.label[0]} · ${percent(outputs.score[0])}`;
    showBars(model.labels, outputs.probabilities[0], outputs.label[0]);
    if (outputs.contribution) showEvidence(texts.text, outputs);
  } else if (outputs.answer) {
    const found = outputs.end[0] > outputs.start[0];
    get("label").textContent = found ? outputs.answer[0] : words.none;
    const span = { start: outputs.start[0], end: outputs.end[0], score: outputs.score[0] };
    showSpans(texts.context, found ? [span] : []);
  } else if (outputs.type) {
    const spans = outputs.start[0]
      .map((start, place) => ({
        start,
        end: outputs.end[0][place],
        type: outputs.type[0][place],
        score: outputs.score[0][place],
      }))
      .filter((each) => each.start >= 0);
    get("label").textContent = spans.length ? "" : words.none;
    showSpans(texts.text, spans);
  } else {
    get("label").textContent = JSON.stringify(outputs);
  }
}

function showBars(labels, probabilities, label) {
  const bars = probabilities
    .map((share, place) => ({ share, label: labels?.[place] ?? String(place) }))
    .sort((one, other) => other.share - one.share);
  const shown = every ? bars : bars.slice(0, BARS);
  get("bars").hidden = false;
  get("bars").replaceChildren(
    ...shown.map((each) => {
      const bar = element("div", undefined, { class: each.label === label ? "bar chosen" : "bar" });
      const length = element("i");
      length.style.width = `${100 * each.share}%`;
      const cell = element("div");
      cell.append(length);
      const name = element("span", each.label, { title: each.label });
      bar.append(name, cell, element("span", percent(each.share)));
      return bar;
    }),
  );
  if (bars.length > shown.length) {
    const more = element("button", `${words.all} (${bars.length})`, { type: "button" });
    more.addEventListener("click", () => {
      every = true;
      showAnswer();
    });
    get("bars").append(more);
  }
}

// Offsets count code points, as Array.from does and String.length does not.
function showEvidence(text, outputs) {
  const characters = Array.from(text);
  const ngrams = outputs.start[0]
    .map((start, place) => ({
      start,
      end: outputs.end[0][place],
      contribution: outputs.contribution[0][place],
    }))
    .filter((each) => each.start >= 0 && each.end > each.start);
  const weights = new Float64Array(characters.length);
  for (const { start, end, contribution } of ngrams) {
    for (let place = start; place < Math.min(end, characters.length); place++) {
      weights[place] += contribution / (end - start);
    }
  }
  const most = weights.reduce((known, each) => Math.max(known, Math.abs(each)), 1e-12);
  const parts = [];
  for (let place = 0; place < characters.length; place++) {
    const strength = Math.round((8 * weights[place]) / most);
    const known = parts.at(-1);
    if (known?.strength === strength) known.text += characters[place];
    else parts.push({ strength, text: characters[place] });
  }
  get("evidence").hidden = false;
  get("text").replaceChildren(
    ...parts.map((each) => {
      if (!each.strength) return document.createTextNode(each.text);
      const mark = element("mark", each.text, { class: each.strength > 0 ? "for" : "against" });
      mark.style.setProperty("--weight", (Math.abs(each.strength) / 10).toFixed(1));
      return mark;
    }),
  );
  const sums = new Map(); // an n-gram may stand at several places
  for (const each of ngrams) {
    const ngram = characters.slice(each.start, each.end).join("");
    sums.set(ngram, (sums.get(ngram) ?? 0) + each.contribution);
  }
  const strongest = [...sums]
    .sort(([, one], [, other]) => Math.abs(other) - Math.abs(one))
    .slice(0, NGRAMS)
    .map(([ngram, sum]) => [ngram, (sum > 0 ? "+" : "−") + Math.abs(sum).toFixed(3)]);
  fill(get("evidence").querySelector("table"), ["ngram", "contribution"], strongest);
}

function showSpans(text, spans) {
  const characters = Array.from(text);
  const slice = (start, end) => characters.slice(start, end).join("");
  const parts = [];
  let place = 0;
  for (const each of [...spans].sort((one, other) => one.start - other.start)) {
    if (each.start < place) continue;
    parts.push(slice(place, each.start));
    const mark = element("mark", slice(each.start, each.end), { class: "span" });
    if (each.type) mark.append(element("small", each.type));
    parts.push(mark);
    place = each.end;
  }
  parts.push(slice(place));
  get("spans").hidden = false;
  get("marked").replaceChildren(...parts);
  const rows = spans.map((each) => [
    slice(each.start, each.end),
    each.type ?? "",
    String(each.start),
    String(each.end),
    each.score.toFixed(3),
  ]);
  fill(get("spans").querySelector("table"), ["text", "type", "from", "to", "score"], rows, 2);
}

function showError(message) {
  get("error").hidden = !message;
  get("error").textContent = message ?? "";
}

async function read() {
  const model = chosen();
  const texts = Object.fromEntries(
    [...document.querySelectorAll("textarea")].map((each) => [each.name, each.value]),
  );
  const body = {
    signature_name: model.signatures.explain ? "explain" : DEFAULT,
    inputs: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [text]])),
  };
  get("send").disabled = true;
  try {
    const url = `/v1/models/${encodeURIComponent(model.name)}:predict`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.json();
    showError(answer.error);
    last = answer.error ? null : { model, texts, outputs: answer.outputs };
  } catch {
    showError(words.unavailable);
    last = null;
  } finally {
    get("send").disabled = false;
  }
  every = false;
  showAnswer();
}

async function start() {
  showWords();
  try {
    models = (await (await fetch("/page/models.json")).json()).models;
  } catch {
    showError(words.unavailable);
    return;
  }
  get("model").replaceChildren(...models.map((each) => element("option", each.name)));
  await readAddress();
}

// `/#lang=zh&model=NAME&text=…` is a link to an answer; what follows # is not sent to the server.
async function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  words = WORDS[asked.get("lang")] ?? words;
  showWords();
  const place = models.findIndex((each) => each.name === asked.get("model"));
  if (place >= 0) get("model").selectedIndex = place;
  showModel();
  const areas = [...document.querySelectorAll("textarea")];
  for (const each of areas) each.value = asked.get(each.name) ?? each.value;
  if (areas.every((each) => each.value)) await read();
}

get("form").addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
window.addEventListener("hashchange", readAddress);
get("model").addEventListener("change", () => {
  last = null;
  showError();
  showModel();
  showAnswer();
});
get("language").addEventListener("click", () => {
  words = words === WORDS.en ? WORDS.zh : WORDS.en;
  showWords();
  if (models.length) showModel();
  showAnswer();
});
start();
