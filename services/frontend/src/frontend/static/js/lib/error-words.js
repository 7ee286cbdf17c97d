// @ts-check
/** What went wrong, as it is told. Pure. */

/** @param {unknown} error */
export function errorWords(error) {
  return error instanceof Error ? error.message : String(error);
}
