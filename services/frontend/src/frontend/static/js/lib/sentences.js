// @ts-check
/** Turns growing markdown into whole spoken sentences, so that a screen reader hears no letters. Pure. */

const FENCE = /^\s*(```|~~~)(.*)$/;
const SENTENCE_END = /[.!?…。！？]["'”’)\]]*(?:\[\^[a-z2-7]{10}\])*(\s|$)/;
/** A run without an end mark is spoken anyway when it gets this long. */
const LONGEST_WAIT = 400;

export class SentenceBuffer {
  #read = 0;
  #pending = "";
  #inFence = false;
  #inTable = false;

  /**
   * @param {string} text everything written so far; only what is new since the last call is read
   * @param {{ finished?: boolean }} [options] `finished`: nothing follows, speak what is left
   * @returns {string[]} sentences that have become complete
   */
  read(text, { finished = false } = {}) {
    this.#pending += text.slice(this.#read);
    this.#read = text.length;
    const spoken = [];
    for (let line = this.#nextLine(); line !== null; line = this.#nextLine()) {
      spoken.push(...this.#speakLine(line));
    }
    if (!this.#inFence && !this.#inTable && !/^\s*[|`~]/.test(this.#pending)) {
      spoken.push(...this.#takeSentences());
    }
    if (finished) {
      spoken.push(...this.#speakLine(this.#pending));
      this.#pending = "";
    }
    return spoken.filter((sentence) => sentence !== "");
  }

  #nextLine() {
    const end = this.#pending.indexOf("\n");
    if (end === -1) return null;
    const line = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 1);
    return line;
  }

  /** @param {string} line @returns {string[]} */
  #speakLine(line) {
    const fence = FENCE.exec(line);
    if (fence) {
      this.#inFence = !this.#inFence;
      return this.#inFence ? [fence[2].trim() === "chart" ? "Chart." : "Code block."] : [];
    }
    if (this.#inFence) return [];
    if (/^\s*\|/.test(line)) {
      const begins = !this.#inTable;
      this.#inTable = true;
      return begins ? ["Table."] : [];
    }
    this.#inTable = false;
    return splitSentences(plain(line));
  }

  /** Sentences that are complete within the unfinished line. */
  #takeSentences() {
    const spoken = [];
    for (;;) {
      const end = SENTENCE_END.exec(this.#pending);
      // At the very end of what has come, "3." may still become "3.5".
      if (end?.[1]) spoken.push(this.#take(end.index + end[0].length));
      else if (this.#pending.length > LONGEST_WAIT)
        spoken.push(this.#take(lastSpace(this.#pending)));
      else return spoken;
    }
  }

  /** @param {number} length */
  #take(length) {
    const taken = plain(this.#pending.slice(0, length));
    this.#pending = this.#pending.slice(length);
    return taken;
  }
}

/** @param {string} text */
function lastSpace(text) {
  const at = text.lastIndexOf(" ");
  return at > 0 ? at + 1 : text.length;
}

/** @param {string} text @returns {string[]} */
function splitSentences(text) {
  return text.split(/(?<=[.!?…。！？]["'”’)\]]*(?:\[\^[a-z2-7]{10}\])*)\s+/);
}

/** Markdown without its marks. @param {string} markdown */
export function plain(markdown) {
  return markdown
    .replace(/\[\^[a-z2-7]{10}\]/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\s*(#{1,6}|>|[-*+]|\d+[.)])\s+/, "")
    .replace(/[*_`~]{1,3}(?=\S)|(?<=\S)[*_`~]{1,3}/g, (marks) => (marks === "_" ? "_" : ""))
    .replace(/\s+/g, " ")
    .trim();
}
