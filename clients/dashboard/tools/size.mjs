// Prints what the JavaScript of dist/ weighs gzipped, in bytes, and exits with 1 over the limit of all together.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LIMIT = 60_000;
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../dist/assets");
const found = readdirSync(FOLDER).filter((name) => name.endsWith(".js.gz"));
const sizes = found.map((name) => [name, statSync(join(FOLDER, name)).size]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [name, size] of [...sizes, [`all, of ${LIMIT}`, total]]) console.log(`${String(size).padStart(6)}  ${name}`);
process.exit(total > LIMIT ? 1 : 0);
