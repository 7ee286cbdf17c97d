// @ts-check
/** What changed between two texts, line by line. Pure. */

/** @typedef {{ kind: "same" | "old" | "new", text: string }} DiffLine */

/**
 * The longest common run of lines stays, the others are old or new. Takes time in the product of the
 * lengths: meant for texts of some hundred lines.
 *
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]}
 */
export function lineDiff(before, after) {
  const old = before.split("\n");
  const fresh = after.split("\n");
  const common = commonLengths(old, fresh);
  /** @type {DiffLine[]} */
  const lines = [];
  let at = 0;
  let to = 0;
  while (at < old.length || to < fresh.length) {
    if (at < old.length && to < fresh.length && old[at] === fresh[to]) {
      lines.push({ kind: "same", text: old[at++] });
      to += 1;
    } else if (
      to === fresh.length ||
      (at < old.length && common[at + 1][to] >= common[at][to + 1])
    ) {
      lines.push({ kind: "old", text: old[at++] });
    } else {
      lines.push({ kind: "new", text: fresh[to++] });
    }
  }
  return lines;
}

/** @param {string[]} old @param {string[]} fresh @returns {number[][]} for each pair of places, how much follows in common */
function commonLengths(old, fresh) {
  const lengths = Array.from({ length: old.length + 1 }, () => Array(fresh.length + 1).fill(0));
  for (let at = old.length - 1; at >= 0; at -= 1) {
    for (let to = fresh.length - 1; to >= 0; to -= 1) {
      lengths[at][to] =
        old[at] === fresh[to]
          ? lengths[at + 1][to + 1] + 1
          : Math.max(lengths[at + 1][to], lengths[at][to + 1]);
    }
  }
  return lengths;
}
