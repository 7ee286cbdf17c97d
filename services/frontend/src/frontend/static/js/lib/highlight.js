// @ts-check
/** Colours code with highlight.js; the library and each language are fetched when first needed. */

import { loadHighlighter, loadLanguage } from "../vendor.js";
import { sanitized } from "./markdown.js";

/** @type {Record<string, string>} what people write → the file that knows it */
const LANGUAGE_FILES = {
  ...Object.fromEntries(
    "bash c cpp csharp css diff dockerfile go graphql ini java javascript json kotlin makefile markdown php plaintext python ruby rust shell sql swift typescript xml yaml"
      .split(" ")
      .map((name) => [name, name]),
  ),
  "c#": "csharp",
  "c++": "cpp",
  console: "shell",
  cs: "csharp",
  docker: "dockerfile",
  html: "xml",
  js: "javascript",
  jsx: "javascript",
  kt: "kotlin",
  make: "makefile",
  md: "markdown",
  patch: "diff",
  postgresql: "sql",
  py: "python",
  rb: "ruby",
  rs: "rust",
  sh: "bash",
  sqlite: "sql",
  svg: "xml",
  toml: "ini",
  ts: "typescript",
  tsx: "typescript",
  yml: "yaml",
  zsh: "bash",
};
/** Longer code is shown plain: colouring it would hold up the page. */
const LONGEST = 50_000;

/**
 * The code as coloured nodes.
 *
 * @param {string} code
 * @param {string} language
 * @returns {Promise<DocumentFragment | null>} null: not a language we know, too long, or not to be had now
 */
export async function highlighted(code, language) {
  const file = LANGUAGE_FILES[language.toLowerCase()];
  if (!file || file === "plaintext" || code.length > LONGEST) return null;
  try {
    const highlighter = await loadHighlighter();
    if (!highlighter.getLanguage(file))
      highlighter.registerLanguage(file, await loadLanguage(file));
    return sanitized(highlighter.highlight(code, { language: file, ignoreIllegals: true }).value);
  } catch {
    return null; // A part of the library could not be fetched: the code stays plain.
  }
}

/** @type {Record<string, string>} */
const NAMES = {
  bash: "Shell",
  cpp: "C++",
  csharp: "C#",
  css: "CSS",
  graphql: "GraphQL",
  ini: "Configuration",
  javascript: "JavaScript",
  json: "JSON",
  php: "PHP",
  plaintext: "Text",
  shell: "Console",
  sql: "SQL",
  typescript: "TypeScript",
  xml: "HTML/XML",
  yaml: "YAML",
};

/** The language as a person would write it. @param {string} language */
export function languageName(language) {
  if (!language) return "Code";
  const file = LANGUAGE_FILES[language.toLowerCase()] ?? language;
  return NAMES[file] ?? file.charAt(0).toUpperCase() + file.slice(1);
}
