// @ts-check
/** Sizes as people say them. Pure. */

/** @param {number} bytes */
export function sizeWords(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
