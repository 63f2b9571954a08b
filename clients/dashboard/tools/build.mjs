// Builds dist/: what the gateway serves under /app/, and files.json, which tells it what that is.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { generateContracts } from "./contracts.mjs";
import { makeFonts } from "./fonts.mjs";

const HERE = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE = join(HERE, "src");
const DIST = join(HERE, "dist");
const TARGET = join(HERE, "dist.new");
const FONTS = join(HERE, "node_modules/.fonts");
const STYLE = join(SOURCE, "gen/style.css");
const BASE = "/app";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

generateContracts();
await makeFonts(join(HERE, "node_modules"), FONTS);
writeFileSync(STYLE, styleSheet());
rmSync(TARGET, { recursive: true, force: true });
const assets = await bundle();
writeFileSync(join(TARGET, "index.html"), page(assets));
writeFileSync(join(TARGET, "files.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
rmSync(DIST, { recursive: true, force: true });
renameSync(TARGET, DIST);

async function bundle() {
  const made = await build({
    absWorkingDir: HERE,
    entryPoints: {
      main: join(SOURCE, "main.tsx"),
      theme: join(SOURCE, "shell/theme_early.ts"),
      style: STYLE,
      icon: join(SOURCE, "icon.svg"),
    },
    outdir: join(TARGET, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    publicPath: `${BASE}/assets/`,
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox114", "safari16.4"],
    charset: "utf8",
    minify: true,
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy", ".woff2": "file" },
    metafile: true,
    logLevel: "warning",
  });
  const byEntry = Object.entries(made.metafile.outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(byEntry.map(([path]) => [entryName(path), path.replace(/^dist\.new/, BASE)]));
}

// One sheet of all: tokens and base first, then each screen's and part's own.
function styleSheet() {
  const found = readdirSync(SOURCE, { recursive: true }).filter((name) => name.endsWith(".css"));
  const rank = (name) => ["styles/tokens.css", "styles/base.css"].indexOf(name) + 1 || 3;
  found.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return found.map((name) => `@import "${join(SOURCE, name)}";\n`).join("");
}

function entryName(path) {
  return /\/(\w+)-[^/]*$/.exec(path)?.[1] ?? path;
}

function page(assets) {
  const filled = readFileSync(join(SOURCE, "index.html"), "utf8");
  return filled.replace(/\{(\w+)\}/g, (_, name) => assets[name] ?? fail(`index.html: no asset ${name}`));
}

function fail(message) {
  throw new Error(message);
}

// Texts are there twice, the second time compressed.
function manifest() {
  const found = [["index.html", `${BASE}/`], ...readdirSync(join(TARGET, "assets")).map((name) => [`assets/${name}`])];
  return found.map(([file, path]) => {
    const type = TYPES[extname(file)] ?? fail(`${file}: of what content type?`);
    const content = readFileSync(join(TARGET, file));
    if (extname(file) !== ".woff2") writeFileSync(join(TARGET, `${file}.gz`), gzipSync(content, { level: 9 }));
    return { path: path ?? `${BASE}/${file}`, file, type, gzip: extname(file) === ".woff2" ? null : `${file}.gz` };
  });
}
