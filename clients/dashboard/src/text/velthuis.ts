/** IAST on a plain keyboard, as Velthuis spells it and the command-line tool reads it: aa for ā, .t for ṭ, "s for ś. */
export const LETTERS: Readonly<Record<string, string>> = {
  aa: "ā",
  ii: "ī",
  uu: "ū",
  ".r": "ṛ",
  ".rr": "ṝ",
  ".l": "ḷ",
  ".ll": "ḹ",
  '"n': "ṅ",
  "~n": "ñ",
  ".t": "ṭ",
  ".d": "ḍ",
  ".n": "ṇ",
  '"s': "ś",
  ".s": "ṣ",
  ".m": "ṃ",
  ".h": "ḥ",
};
/** What stands there once the first two letters have become one: "ṛr" for ".rr". */
const AS_TYPED = new Map(
  Object.entries(LETTERS).map(([key, letter]) => [
    key.length > 2 ? LETTERS[key.slice(0, 2)] + key.slice(2) : key,
    letter,
  ]),
);

/** What a text becomes when its last letter has just been typed; a capital stays one. */
export function afterKey(text: string): string {
  const end = text.slice(-2);
  const letter = AS_TYPED.get(end.toLowerCase());
  if (letter === undefined) return text;
  return text.slice(0, -2) + (end === end.toLowerCase() ? letter : letter.toUpperCase());
}
