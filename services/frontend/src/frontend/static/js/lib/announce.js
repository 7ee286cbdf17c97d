// @ts-check
/** Speaks to screen readers through the page's two live regions. */

const KEPT = 4;

/** At the next pause in speech. @param {string} text */
export function announce(text) {
  say("polite-announcer", text);
}

/** At once: only for what needs the person. @param {string} text */
export function announceNow(text) {
  say("urgent-announcer", text);
}

/** @param {string} regionId @param {string} text */
function say(regionId, text) {
  const region = document.getElementById(regionId);
  if (!region || !text) return;
  const line = document.createElement("p");
  line.textContent = text;
  region.append(line);
  // Lines that have been spoken go, so that nobody meets a transcript while browsing the page.
  while (region.childElementCount > KEPT) region.firstElementChild?.remove();
}
