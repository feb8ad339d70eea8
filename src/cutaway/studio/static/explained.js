// What `explain` says, in other languages: its sentences, with what was put into them. Formulas stay as they are.

import { h } from "../../drawing/page/elements.js";
import { spoken } from "./words.js";

/** By language: the English sentence, and its own. @type {Record<string, Record<string, string>>} */
const SENTENCES = {
  ar: {
    "Gradient": "التدرّج", "The chain rule": "قاعدة السلسلة", "factor": "العامل", "is": "هو", "here": "هنا", "product": "الجداء",
    "path": "المسار", "local derivatives": "المشتقات الموضعية", "term": "الحد", "numbers": "الأعداد", "adds": "يضيف", "sum": "المجموع",
    "time": "الزمن", "part": "الجزء", "step so far": "الخطوة حتى هنا", "rounding": "التقريب", "gradient": "التدرّج", "momentum": "الزخم",
    "{n} more": "{n} غيرها", "What adds up to it, the largest first": "ما يُجمع فيعطيه، الأكبر أولًا",
    "By time step, the largest": "بحسب خطوة الزمن، الأكبر", "The step in parts": "الخطوة مفصّلة", "Update: {before} → {after}": "التحديث: من {before} إلى {after}",
    "Paths to J: {n}; the largest": "المسارات إلى J: {n}، وأكبرها",
    "Paths to J: {n}, {share} of it by the {k} largest; the largest": "المسارات إلى J: {n}، منه {share} من أكبر {k}؛ وأكبرها",
    "Central difference in double precision: {v} (h = {h}), off by {e}.": "الفرق المركزي بدقة مضاعفة: {v} ‏(h = {h})، ببُعد {e}.",
    "Central difference in double precision: {v} (h = {h}), off by {e}. Within ±h a kink is crossed: {kink}.":
      "الفرق المركزي بدقة مضاعفة: {v} ‏(h = {h})، ببُعد {e}. ضمن ‎±h‎ يُعبَر انكسار: {kink}.",
    "adaptive scaling": "مقياس متكيّف", "bias correction": "تصحيح الانحياز", "decoupled decay": "تضاؤل منفصل", "clipping to a length": "قصّ إلى طول",
    "clipping each entry": "قصّ كل عدد", "L1 in the gradient": "‏L1 في التدرّج", "L2 in the gradient": "‏L2 في التدرّج", "{name}'s rule": "قاعدة {name}",
    "{formula} in place of {other}": "{formula} بدلًا من {other}",
    "it was read from the data": "قُرئ من البيانات", "the weight of a sample": "وزن عيّنة", "kept from step to step": "يُحفظ من خطوة إلى خطوة",
    "it stood before the step": "كان قبل الخطوة", "the optimizer's state before the step": "حالة المُحسِّن قبل الخطوة",
    "inputs and weights are rounded to bf16 before they are multiplied, and shown so": "تُقرَّب المدخلات والأوزان إلى bf16 قبل ضربها، وتُعرض كذلك",
    "states and weights are rounded to bf16 before they are multiplied, and shown so": "تُقرَّب الحالات والأوزان إلى bf16 قبل ضربها، وتُعرض كذلك",
    "both factors of each product are rounded to bf16 before they are multiplied, and shown so": "يُقرَّب عاملا كل جداء إلى bf16 قبل الضرب، ويُعرضان كذلك",
    "the central difference is of exact products; this step rounded their factors to bf16": "الفرق المركزي من جداءات دقيقة؛ وهذه الخطوة قرّبت عواملها إلى bf16",
    "nothing that J depends on reads it with a derivative other than zero": "لا شيء مما تتعلق به J يقرؤه بمشتقة غير الصفر",
    "dropout kept it, and made it 1/(1 − {p}) times as large": "أبقاه الإسقاط وكبّره 1/(1 − {p}) مرة", "dropout dropped it": "أسقطه الإسقاط",
    "feature {n} lies below this bin": "السمة {n} دون هذه الفئة", "feature {n} lies above this bin": "السمة {n} فوق هذه الفئة",
    "{x} won": "فاز {x}", "{x} won; of several equal ones, the first": "فاز {x}: الأول بين متساوين",
    "it depends on {n} numbers; these are those on which it depends most": "يتعلق بـ {n} عددًا، وهذه أكثر ما يتعلق به",
    "class {c}, the true one": "الفئة {c}، وهي الصحيحة", "class {c}; the true one is {truth}": "الفئة {c}، والصحيحة {truth}", "the true class is {truth}": "الفئة الصحيحة {truth}",
    "time step {t} lies beyond the length of sample {k}": "خطوة الزمن {t} بعد نهاية العيّنة {k}", "the {name} gate of unit {n}": "بوابة {name} للوحدة {n}",
    "the candidate of unit {n}": "مرشّح الوحدة {n}", "the terms add up to v, which the reset gate lets in": "مجموع الحدود v، وتُدخله بوابة إعادة الضبط", "the terms add up to s": "مجموع الحدود s",
    "Σ over {n} inputs of weight · input": "Σ على {n} مدخلًا للوزن · المدخل",
  },
};

/** @type {Map<string, {pattern: RegExp, names: string[], own: string}[]>} */
const patterns = new Map();

/** @param {string} language */
function patternsOf(language) {
  const known = patterns.get(language);
  if (known) return known;
  const made = Object.entries(SENTENCES[language] ?? {}).filter(([said]) => said.includes("{")).map(([said, own]) => ({
    pattern: new RegExp(`^${said.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{\w+\}/g, "(.+?)")}$`), names: [...said.matchAll(/\{(\w+)\}/g)].map((found) => found[1]), own }));
  patterns.set(language, made);
  return made;
}

/** Say it in the language that is spoken; null where it has no words for it. @param {string} said @returns {string | null} */
export function translated(said) {
  const language = spoken(), own = SENTENCES[language]?.[said];
  if (own) return own;
  for (const { pattern, names, own } of patternsOf(language)) {
    const found = pattern.exec(said);
    if (found) return own.replace(/\{(\w+)\}/g, (_, name) => `\u2066${found[names.indexOf(name) + 1]}\u2069`);  // formulas run from left to right
  }
  return null;
}

/** What `explain` said, to be shown: in the reader's language, or marked as English. @param {string} said @returns {any} */
export function told(said) {
  return spoken() === "en" || /^[-−+\d.,e]*$/.test(said) ? said : translated(said) ?? h("bdi", { lang: "en", dir: "ltr" }, said);
}
