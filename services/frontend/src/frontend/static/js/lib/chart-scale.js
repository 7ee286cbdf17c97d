// @ts-check
/** The scale of a chart's values: round steps that hold them all. Pure. */

/** @typedef {{ low: number, high: number, ticks: number[] }} Scale */

/** Lines whose values differ by less than this share of the highest would be flat on an axis from zero. */
const FLAT = 0.4;

/**
 * @param {number[]} values
 * @param {{ zero?: boolean }} [options] `zero`: the axis begins there, as bars need it to
 * @returns {Scale}
 */
export function scaleOf(values, { zero = true } = {}) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const isFlat = !zero && least > 0 && most > least && most - least < most * FLAT;
  const low = isFlat ? least : Math.min(0, least);
  const high = Math.max(0, most);
  const step = niceStep((high - low || 1) / 4);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => round((first + at) * step));
  return { low: ticks[0], high: ticks[ticks.length - 1], ticks };
}

/** The next of 1, 2, 5 times a power of ten. @param {number} rough */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10;
  return nice * power;
}

/** Takes away what floating point added. @param {number} value */
function round(value) {
  return Number(value.toPrecision(12));
}
