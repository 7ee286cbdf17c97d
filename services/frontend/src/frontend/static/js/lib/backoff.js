// @ts-check
/** Growing pauses between tries, with jitter so that many pages do not come back at once. */

/**
 * @param {number} tries how many have failed, from 0
 * @param {() => number} [random] 0 to 1
 * @returns {number} milliseconds: half to all of 0.5, 1, 2, 4, 8 and then 15 seconds
 */
export function pauseMs(tries, random = Math.random) {
  const longest = Math.min(15_000, 500 * 2 ** tries);
  return longest / 2 + (longest / 2) * random();
}
