// Runs server scenarios of the conformance suite one after the other: `scenarios.mjs URL REVISION FOLDER SCENARIO…`.
// The suite runs one by name, or all of a revision. To start Node for each takes longer than most scenarios.
const [url, revision, folder, ...scenarios] = process.argv.slice(2);
const suite = new URL(
  "../../node_modules/@modelcontextprotocol/conformance/dist/index.js",
  import.meta.url,
);
const exit = process.exit;

for (const scenario of scenarios) {
  const ended = new Promise((resolve) => {
    process.exit = /** @type {typeof exit} */ (resolve);
  });
  process.argv.splice(
    2,
    Infinity,
    "server",
    `--url=${url}`,
    `--spec-version=${revision}`,
    `--scenario=${scenario}`,
    `--output-dir=${folder}`,
  );
  await import(`${suite.href}?${scenario}`); // A new address, so it is run anew.
  await ended;
}
exit(0);
