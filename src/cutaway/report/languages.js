// The language of a sealed page: that of its reader's browser, where the page has the words. Python writes a page's
// frame in English (its buttons, keys, landmarks); what that is in other languages stands here, by the English sentence.

/** @type {Record<string, Record<string, string>>} */
const FRAMES = {
  ar: {
    "Colours": "الألوان", "auto": "تلقائي", "light": "فاتح", "dark": "داكن", "Keys": "المفاتيح", "Keys ": "المفاتيح ", "Close": "إغلاق",
    "Step": "الخطوة", "these keys": "هذه المفاتيح", "To the network": "إلى الشبكة", "To the program": "إلى البرنامج",
    "To the controls": "إلى الأدوات", "To one weight": "إلى وزن واحد", "Cutaway · a network that trains in this page": "Cutaway · شبكة تتدرّب في هذه الصفحة",
    "Training": "التدريب", "To the start": "إلى البداية", "Back one step": "خطوة إلى الوراء", "Train": "درّب", "One step": "خطوة واحدة",
    "To the end of the epoch": "إلى نهاية الدورة", "To the furthest step": "إلى أبعد خطوة", "Space": "المسافة", "train, or pause": "تدريب أو توقّف",
    "→ or ↑": "→ أو ↑", "← or ↓": "← أو ↓", "one step": "خطوة واحدة", "back one step": "خطوة إلى الوراء",
    "one epoch, one epoch back": "دورة، دورة إلى الوراء", "to the start, to the furthest step": "إلى البداية، إلى أبعد خطوة",
    "fork: a second future from here": "تفريع: مستقبل ثانٍ من هنا", "arrows in the network": "الأسهم في الشبكة", "from neuron to neuron": "من عصبون إلى عصبون",
    "Enter or Space on a neuron": "‏Enter أو المسافة على عصبون", "its numbers and weights": "أعداده وأوزانه",
  },
};

/** The language of the page. */
export const language = navigator.language.split("-")[0] in FRAMES ? navigator.language.split("-")[0] : "en";

/** What the frame's English sentence is in the page's language. @param {string} said */
export const framed = (said) => FRAMES[language]?.[said] ?? said;

/** Say the frame in the page's language. Before anything else is written into the page. */
export function frame() {
  if (language === "en") return;
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (node.nodeValue && node.parentElement?.localName !== "script") node.nodeValue = framed(node.nodeValue);
  }
  for (const node of document.querySelectorAll("[aria-label], [title]")) for (const name of ["aria-label", "title"]) {
    const said = node.getAttribute(name);
    if (said) node.setAttribute(name, framed(said));
  }
}
