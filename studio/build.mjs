// Bundles the player, the upload engine, the captions editor, the recorder and the scripts of pages: player/, upload/,
// captions/, record/ and pages/ -> built/, with a manifest of what each entry loads.
// Run by `make setup`. Entries keep their names; what they load is named by its content and may be cached for ever.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const OUT = "built";
const PAGES = ["embed", "reload", "library", "asset", "captions", "uploads", "record", "webhook"];

// `texts:ru` is the catalogue of a language, those texts of it that a player shows; `texts:first` those of all languages
// that it shows before anything is loaded.
const FIRST = ["player.play_title", "player.video", "player.preparing", "player.retry", "error.network"];
const LANGUAGES = readdirSync("texts").map((file) => file.replace(".json", ""));
const catalogue = (language, wanted) =>
  Object.fromEntries(
    Object.entries(JSON.parse(readFileSync(`texts/${language}.json`, "utf8"))).filter(([key]) => wanted(key)),
  );
const texts = {
  name: "texts",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^texts:/ }, ({ path }) => ({ path: path.slice(6), namespace: "texts" }));
    onLoad({ filter: /.*/, namespace: "texts" }, ({ path }) => {
      const contents =
        path === "first"
          ? Object.fromEntries(LANGUAGES.map((language) => [language, catalogue(language, (key) => FIRST.includes(key))]))
          : catalogue(path, (key) => /^(player|error|controls)\./.test(key));
      return { contents: JSON.stringify(contents), loader: "json" };
    });
  },
};

// Comments and indentation of style sheets are of no use to a browser.
const sheets = {
  name: "sheets",
  setup({ onLoad, esbuild }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const OPTIONS = {
  outdir: OUT,
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  target: ["es2022"],
  legalComments: "none",
  banner: { js: "/*! NOTICE.txt */" },
  metafile: true,
  plugins: [texts, sheets],
};
const bundle = async (entryPoints) =>
  (await build({ ...OPTIONS, entryPoints })).metafile.outputs;
const built = {
  ...(await bundle({
    "kadr-player": "player/kadr-player.ts",
    ...Object.fromEntries(PAGES.map((name) => [name, `pages/${name}.ts`])),
  })),
  ...(await bundle({ upload: "upload/upload.ts" })), // one file, for pages of others
};
const PARTS = { "hls.js": "LICENSE", "media-chrome": "LICENSE", thumbhash: null };
const notice = ([name, file]) => {
  const { version, license, repository } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const text = file ? readFileSync(`node_modules/${name}/${file}`, "utf8") : `${license}, ${repository.url ?? repository}`;
  return `${name} ${version}\n\n${text}`;
};
writeFileSync(`${OUT}/NOTICE.txt`, Object.entries(PARTS).map(notice).join("\n\n"));
const outputs = Object.entries(built).filter(([file]) => file.endsWith(".js"));
const sizes = Object.fromEntries(
  outputs.map(([file, { imports, entryPoint }]) => [
    file.slice(OUT.length + 1),
    {
      from: entryPoint ?? null,
      gzip_bytes: gzipSync(readFileSync(file), { level: 9 }).length,
      at_once: imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path.slice(OUT.length + 1)),
      later: imports.filter(({ kind }) => kind === "dynamic-import").map(({ path }) => path.slice(OUT.length + 1)),
    },
  ]),
);
for (const file of Object.keys(built)) writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
writeFileSync(`${OUT}/manifest.json`, JSON.stringify(sizes, null, 1));
