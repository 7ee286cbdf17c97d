// @ts-check
/** The menu of account and organisation: Escape, and leaving it, close it. It opens without us. */

export class PersonMenuController {
  #menu;

  /** @param {HTMLElement} element the `details` */
  constructor(element) {
    this.#menu = /** @type {HTMLDetailsElement} */ (element);
  }

  // Lifecycle

  connect() {
    this.#menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#menu.open) return;
      event.preventDefault(); // what lies behind it stays as it is
      this.#menu.open = false;
      this.#menu.querySelector("summary")?.focus();
    });
    this.#menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !this.#menu.contains(relatedTarget))
        this.#menu.open = false;
    });
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Node && !this.#menu.contains(target)) this.#menu.open = false;
    });
  }
}
