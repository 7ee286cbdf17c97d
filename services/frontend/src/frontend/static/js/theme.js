// @ts-check
// Runs before the first paint, hence no module: a page that was set to dark must not flash white.
// The choice is made in controllers/theme-controller.js.
(() => {
  try {
    const theme = localStorage.getItem("steward.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is forbidden here: the system's theme it is.
  }
})();
