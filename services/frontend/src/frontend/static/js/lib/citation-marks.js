// @ts-check
/** The marks `[^id]` by which an answer cites passages: which there are, their numbers, and what was found of each. Pure. */

/** @import { Citations, PassageShown, SentenceChecked } from "../types/knowledge.js" */

export const MARK = /\[\^([a-z2-7]{10})\]/;
const MARKS = new RegExp(MARK, "g");
const BEGUN_MARK = /\[(?:\^[a-z2-7]{0,10})?$/;
/** Where a mark is an example, and no citation. Within a line, since each backtick looks for its fellow. */
const CODE = /^(```|~~~)[\s\S]*?(?:^\1|(?![\s\S]))|(`+)(?!`)[^\n]*?[^`\n]\2(?!`)/gm;

/** Ids in the order of their marks, each as often as it stands there. @param {string} text */
export function marksOf(text) {
  if (!text.includes("[^")) return [];
  const prose = text.replace(CODE, (code) => " ".repeat(code.length));
  return [...prose.matchAll(MARKS)].map(([, id]) => id);
}

/**
 * The number of each cited passage, from 1 in the order of first marks.
 *
 * @param {readonly string[]} texts
 * @param {(id: string) => boolean} isPassage
 * @returns {Map<string, number>}
 */
export function numbersOf(texts, isPassage) {
  const cited = new Set(texts.flatMap(marksOf).filter(isPassage));
  return new Map([...cited].map((id, at) => [id, at + 1]));
}

/** Growing text without a mark at its end of which only a part has come. @param {string} text */
export function withoutBegunMark(text) {
  return text.replace(BEGUN_MARK, "");
}

/**
 * The sentence that each mark belongs to.
 *
 * @param {readonly string[]} ids the marks as they are shown, in order
 * @param {string} text in which the sentences count
 * @param {readonly SentenceChecked[]} sentences in order
 * @returns {({ sentence: SentenceChecked, isLast: boolean } | null)[]} one for each mark; `isLast`: of its sentence
 */
export function sentencesOf(ids, text, sentences) {
  const characters = [...text];
  const marks = sentences.flatMap((sentence) =>
    marksOf(characters.slice(sentence.start, sentence.end).join("")).map((id) => ({
      id,
      sentence,
    })),
  );
  let from = 0;
  const found = ids.map((id) => {
    const at = marks.findIndex((mark, place) => place >= from && mark.id === id);
    if (at === -1) return null;
    from = at + 1;
    return marks[at].sentence;
  });
  return found.map((sentence, at) =>
    sentence ? { sentence, isLast: found.indexOf(sentence, at + 1) === -1 } : null,
  );
}

/** The words of a sentence without its marks. @param {string} text @param {SentenceChecked} sentence */
export function sentenceWords(text, { start, end }) {
  return [...text].slice(start, end).join("").replace(MARKS, "").trim();
}

/**
 * An answer to be taken elsewhere: numbers in place of the marks, and what they mean below.
 *
 * @param {string} text
 * @param {Map<string, number>} numbers
 * @param {(id: string) => string} nameOf a passage, in words
 */
export function withFootnotes(text, numbers, nameOf) {
  if (numbers.size === 0) return text;
  const numbered = text.replace(MARKS, (mark, id) =>
    numbers.has(id) ? `[${numbers.get(id)}]` : mark,
  );
  const notes = [...numbers].map(([id, number]) => `[${number}] ${nameOf(id)}`);
  return `${numbered}\n\n${notes.join("\n")}`;
}

/** @param {Citations | null} citations @returns {Map<string, PassageShown>} */
export function passagesOf(citations) {
  return new Map((citations?.passages ?? []).map((passage) => [passage.id, passage]));
}
