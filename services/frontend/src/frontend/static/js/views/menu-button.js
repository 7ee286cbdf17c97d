// @ts-check
/** A button with a menu (WAI-ARIA's pattern): arrows walk through it, Escape and leaving it close it. */

export class MenuButton {
  #button;
  #menu;

  /** @param {HTMLElement} button @param {HTMLElement} menu holds the items, of role `menuitem` */
  constructor(button, menu) {
    this.#button = button;
    this.#menu = menu;
    button.addEventListener("click", () => (menu.hidden ? this.#open(0) : this.close()));
    button.addEventListener("keydown", (event) => this.#buttonKeyPressed(event));
    menu.addEventListener("keydown", (event) => this.#menuKeyPressed(event));
    // Before the item acts: what it opens gives the keyboard back to the button, and not to a hidden item.
    menu.addEventListener("click", () => this.close(), { capture: true });
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Node && !menu.contains(target) && !button.contains(target))
        this.#hide();
    });
  }

  /** Closes it, and the keyboard is at the button again. */
  close() {
    if (this.#menu.hidden) return;
    this.#hide();
    this.#button.focus();
  }

  // Internal

  /** @param {KeyboardEvent} event */
  #buttonKeyPressed(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    this.#open(event.key === "ArrowDown" ? 0 : -1);
  }

  /** @param {KeyboardEvent} event */
  #menuKeyPressed(event) {
    const items = this.#items;
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => items[(at + 1) % items.length]?.focus(),
      ArrowUp: () => items.at(at - 1)?.focus(),
      Home: () => items[0]?.focus(),
      End: () => items.at(-1)?.focus(),
      Escape: () => this.close(),
      " ": () => items[at]?.click(), // links do not know it by themselves
    };
    if (event.key === "Tab") this.#hide();
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  get #items() {
    return [
      .../** @type {NodeListOf<HTMLElement>} */ (
        this.#menu.querySelectorAll('[role="menuitem"]:not([hidden])')
      ),
    ];
  }

  /** @param {number} at which item gets the keyboard; -1 is the last one */
  #open(at) {
    this.#menu.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#items.at(at)?.focus();
  }

  #hide() {
    this.#menu.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }
}
