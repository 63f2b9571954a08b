/** A part of a text that stays ("="), goes ("-") or comes ("+"). */
export type Change = readonly ["=" | "-" | "+", string];

/** Below, a change is shown whole: letters by chance alike help no reader. */
const LEAST_ALIKE = 0.4;

/** What turns one text into another, letter by letter; with "word", word by word. */
export function changes(from: string, to: string, unit: "letter" | "word" = "letter"): Change[] {
  const [before, after] = [partsOf(from, unit), partsOf(to, unit)];
  const found = merged(walk(before, after, commonLengths(before, after)));
  const kept = found.reduce((sum, [kind, text]) => sum + (kind === "=" ? text.length : 0), 0);
  if (unit === "letter" && 2 * kept < LEAST_ALIKE * (from.length + to.length)) return whole(from, to);
  return found;
}

function whole(from: string, to: string): Change[] {
  const both: Change[] = [
    ["-", from],
    ["+", to],
  ];
  return both.filter(([, text]) => text !== "");
}

// A letter is what a reader sees as one: r̥ is never cut in two.
function partsOf(text: string, unit: "letter" | "word"): string[] {
  return text.match(unit === "word" ? /\s+|[^\s]+/gu : /\P{M}\p{M}*/gu) ?? [];
}

/** Lengths of the longest common sequences of what follows each pair of places. */
function commonLengths(before: string[], after: string[]): Uint16Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    const [row, below] = [rows[i] as Uint16Array, rows[i + 1] as Uint16Array];
    for (let j = after.length - 1; j >= 0; j--) {
      row[j] = before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function* walk(before: string[], after: string[], lengths: Uint16Array[]): Generator<Change> {
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && before[i] === after[j]) {
      yield ["=", before[i++] as string];
      j++;
    } else if (i < before.length && (j >= after.length || (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) {
      yield ["-", before[i++] as string];
    } else {
      yield ["+", after[j++] as string];
    }
  }
}

// Neighbours of one kind become one; what goes stands before what comes.
function merged(found: Iterable<Change>): Change[] {
  const parts: Change[] = [];
  let [gone, come] = ["", ""];
  const flush = () => {
    parts.push(...whole(gone, come));
    [gone, come] = ["", ""];
  };
  for (const [kind, text] of found) {
    if (kind === "-") gone += text;
    else if (kind === "+") come += text;
    else {
      flush();
      const last = parts.at(-1);
      if (last?.[0] === "=") parts[parts.length - 1] = ["=", last[1] + text];
      else parts.push(["=", text]);
    }
  }
  flush();
  return parts;
}
