/** Parts of texts by code points, as the services count; JavaScript counts UTF-16 units. */
export function slicePoints(text: string, start: number, end?: number): string {
  return Array.from(text).slice(start, end).join("");
}

const AROUND = 28;

/** A place with the words around it; alone where the text does not hold it. */
export function excerpt(text: string, start: number, end: number, found: string): [string, string, string] {
  const points = Array.from(text);
  if (points.slice(start, end).join("") !== found) return ["", found, ""];
  const [before, after] = [points.slice(0, start), points.slice(end)];
  return [
    before.length > AROUND
      ? `…${before
          .slice(-AROUND)
          .join("")
          .replace(/^\S*\s+/, "")}`
      : before.join(""),
    found,
    after.length > AROUND
      ? `${after
          .slice(0, AROUND)
          .join("")
          .replace(/\s+\S*$/, "")}…`
      : after.join(""),
  ];
}
