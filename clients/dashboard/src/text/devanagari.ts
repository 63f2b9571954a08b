/** IAST in Devanagari, letter by letter; what is no IAST stays as it is. */
const VOWELS: Readonly<Record<string, readonly [string, string]>> = {
  a: ["अ", ""],
  ā: ["आ", "ा"],
  i: ["इ", "ि"],
  ī: ["ई", "ी"],
  u: ["उ", "ु"],
  ū: ["ऊ", "ू"],
  ṛ: ["ऋ", "ृ"],
  r̥: ["ऋ", "ृ"],
  ṝ: ["ॠ", "ॄ"],
  ḷ: ["ऌ", "ॢ"],
  l̥: ["ऌ", "ॢ"],
  ḹ: ["ॡ", "ॣ"],
  e: ["ए", "े"],
  ē: ["ए", "े"],
  ai: ["ऐ", "ै"],
  o: ["ओ", "ो"],
  ō: ["ओ", "ो"],
  au: ["औ", "ौ"],
};
const CONSONANTS: Readonly<Record<string, string>> = {
  ...{ kh: "ख", gh: "घ", ch: "छ", jh: "झ", ṭh: "ठ", ḍh: "ढ", th: "थ", dh: "ध", ph: "फ", bh: "भ" },
  ...{ k: "क", g: "ग", ṅ: "ङ", c: "च", j: "ज", ñ: "ञ", ṭ: "ट", ḍ: "ड", ṇ: "ण", t: "त", d: "द", n: "न" },
  ...{ p: "प", b: "ब", m: "म", y: "य", r: "र", l: "ल", v: "व", ś: "श", ṣ: "ष", s: "स", h: "ह" },
};
const SIGNS: Readonly<Record<string, string>> = {
  ...{ ṃ: "ं", ṁ: "ं", m̐: "ँ", ḥ: "ः", "'": "ऽ", "’": "ऽ", "|": "।", "||": "॥" },
};
const VIRAMA = "्";

export function devanagariOf(iast: string): string {
  const text = iast.normalize("NFC").toLowerCase();
  let written = "";
  let isOpen = false; // the last letter was a consonant whose vowel has not come yet
  for (let at = 0; at < text.length; ) {
    const [found, length] = letterAt(text, at);
    at += length;
    const vowel = VOWELS[found];
    if (vowel) {
      written += isOpen ? vowel[1] : vowel[0];
      isOpen = false;
      continue;
    }
    if (isOpen) written += VIRAMA;
    isOpen = found in CONSONANTS;
    written += CONSONANTS[found] ?? SIGNS[found] ?? found;
  }
  return isOpen ? written + VIRAMA : written;
}

/** The longest letter that begins at a place, and its length. */
function letterAt(text: string, at: number): [string, number] {
  const two = text.slice(at, at + 2);
  if (two.length === 2 && (two in VOWELS || two in CONSONANTS || two in SIGNS)) return [two, 2];
  return [text.charAt(at), 1];
}
