// Subsets of the fonts, as WOFF2: Gentium Plus with every letter of IAST and ISO 15919, Noto Sans Devanagari beside it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import subsetFont from "subset-font";

const GENTIUM = "@expo-google-fonts/gentium-plus/GentiumPlus_";
const FACES = { regular: "400Regular", italic: "400Regular_Italic", bold: "700Bold" };
const DEVANAGARI = "@fontsource/noto-sans-devanagari/files/noto-sans-devanagari-devanagari-400-normal.woff2";

const between = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const LETTERS = "āīūṛṝḷḹēōṃṁḥṅñṇṭḍśṣḻṟṉẖḫĀĪŪṚṜḶḸĒŌṂṀḤṄÑṆṬḌŚṢḺṞṈ";
const MARKS = [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0306, 0x0307, 0x0308, 0x0310, 0x0323, 0x0324, 0x0325, 0x0331];
const SIGNS = [...between(0x2010, 0x2027), 0x202f, 0x2032, 0x2039, 0x203a, 0x2190, 0x2192, 0x2212, 0x02bc, 0x25cc];
/** Precomposed letters, and the marks for those that have none: m̐, r̥, l̥, r̥̄. */
export const CHARACTERS = [
  ...LETTERS,
  ...[...between(0x20, 0x7e), ...between(0xa0, 0xff), ...MARKS, ...SIGNS].map((code) => String.fromCodePoint(code)),
].join("");

/** Writes the fonts into `folder` as gentium-regular.woff2 and so on. */
export async function makeFonts(modules, folder) {
  mkdirSync(folder, { recursive: true });
  for (const [face, name] of Object.entries(FACES)) {
    const whole = readFileSync(join(modules, `${GENTIUM}${name}.ttf`));
    writeFileSync(
      join(folder, `gentium-${face}.woff2`),
      await subsetFont(whole, CHARACTERS, { targetFormat: "woff2" }),
    );
  }
  writeFileSync(join(folder, "devanagari.woff2"), readFileSync(join(modules, DEVANAGARI)));
}
