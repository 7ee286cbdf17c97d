// @ts-check
/** Times and spans in words. Pure: the present is always passed in. */

/** @param {number} ms */
export function durationWords(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * What is left until an approval expires. The server decides when it does: a clock that runs ahead here
 * must not close a question that is still open there.
 *
 * @param {number} msLeft
 */
export function expiryWords(msLeft) {
  if (msLeft <= 0) return "expires any moment now";
  const seconds = Math.ceil(msLeft / 1000);
  if (seconds < 60) return `expires in ${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `expires in ${minutes} min`;
  return `expires in ${Math.floor(minutes / 60)} hours`;
}

/** Milliseconds until the words of `expiryWords` change. @param {number} msLeft */
export function expiryTickMs(msLeft) {
  return msLeft <= 61_000 ? 1000 : 15_000;
}

/** How long ago something was. @param {number} ms less than nothing counts as now: clocks differ */
export function agoWords(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "a minute ago" : `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return hours === 1 ? "an hour ago" : `${hours} hours ago`;
  return `${Math.floor(hours / 24)} days ago`;
}

/**
 * @param {Date} date
 * @param {Date} now
 * @returns {"Today" | "Yesterday" | "Earlier"}
 */
export function dayGroup(date, now) {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  if (date >= midnight) return "Today";
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return date >= yesterday ? "Yesterday" : "Earlier";
}

/** @param {Date} now */
export function greeting(now) {
  const hour = now.getHours();
  if (hour < 5) return "Good evening";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}
