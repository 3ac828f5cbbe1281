// Holds pages against what Google wants of structured data, and sitemaps against their schemas. Asks nothing of the net.
// In: on stdin {pages: {name: html}, documents: {name: xml}, schema, others: {file: xsd}}; argument: the folder of
// package.json. Out: {name: [what is wrong]}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.argv[2]}/package.json`);
const { default: Validator } = await import(pathToFileURL(require.resolve("@adobe/structured-data-validator")));
const { default: Extractor } = await import(pathToFileURL(require.resolve("@marbec/web-auto-extractor")));
const { validateXML } = require("xmllint-wasm");
const { pages, documents, schema, others } = JSON.parse(readFileSync(0, "utf8"));
const found = {};

for (const [name, html] of Object.entries(pages)) {
  const data = new (Extractor.default ?? Extractor)({ addLocation: true }).parse(html);
  const issues = await new Validator().validate(data);
  const read = Object.keys(data.jsonld ?? {}).length;
  const telling = issues.filter((one) => !one.issueMessage.endsWith("(optional)")); // what is not there, and need not be
  found[name] = telling.map((one) => `${one.severity}: ${one.issueMessage}`).concat(read ? [] : ["there is none"]);
}
for (const [name, contents] of Object.entries(documents)) {
  const preload = Object.entries(others).map(([fileName, text]) => ({ fileName, contents: text }));
  const { errors } = await validateXML({ xml: [{ fileName: "sitemap.xml", contents }], schema: [schema], preload });
  found[name] = errors.map((one) => one.message);
}
console.log(JSON.stringify(found));
