// @ts-check
/** A curated answer as it is kept: a Markdown file with the question as its heading. Pure. */

/** @import { WrittenAnswer } from "../types/knowledge.js" */

/** @param {string} file @returns {WrittenAnswer} `question` is empty where the file has no heading */
export function writtenAnswer(file) {
  const [, question = "", answer = file] = /^# ([^\n]*)\n+([\s\S]*)$/.exec(file) ?? [];
  return { question: question.trim(), answer: answer.trim() };
}
