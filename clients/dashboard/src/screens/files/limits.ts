const MB = 1_000_000;
export const MOST_BYTES = 20 * MB;
export const MOST_BYTES_TOGETHER = 50 * MB;
export const MOST_FILES = 1000;
export const ENDINGS = [".srt", ".vtt", ".json", ".txt"] as const;
/** For `accept`: what the file dialog offers. */
export const ACCEPTED = [...ENDINGS, ...ENDINGS.map((ending) => `${ending}.gz`), ".gz"].join(",");

/** "12.3 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < MB ? `${Math.round(bytes / 1000)} kB` : `${+(bytes / MB).toFixed(1)} MB`;
}

/** Why a file is not sent; empty where it is. The services look closer, at the text. */
export function problemOf(file: { name: string; size: number }): string {
  const name = file.name.toLowerCase().replace(/\.gz$/, "");
  if (!ENDINGS.some((ending) => name.endsWith(ending))) {
    return `is no transcript by its name: ${ENDINGS.join(", ")} are, gzipped too`;
  }
  if (file.size === 0) return "is empty";
  if (file.size > MOST_BYTES) return `has ${size(file.size)}; at most ${size(MOST_BYTES)} are taken`;
  return file.name.length > 255 ? "has a name of more than 255 characters" : "";
}

/** Why these files cannot be one job; empty where they can. */
export function problemTogether(files: readonly { size: number }[]): string {
  if (files.length > MOST_FILES) return `These are ${files.length} files; a job takes ${MOST_FILES}.`;
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return bytes > MOST_BYTES_TOGETHER
    ? `These are ${size(bytes)} together; a job takes ${size(MOST_BYTES_TOGETHER)}.`
    : "";
}
