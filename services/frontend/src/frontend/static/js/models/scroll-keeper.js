// @ts-check
/** Keeps the newest in view while it grows, until the person scrolls up to read. */

/** As near to the end as this, scrolling down means to follow again. */
const NEAR = 48;
const UNFOLDS = "summary, [aria-expanded], [aria-pressed], .link-button";

export class ScrollKeeper {
  #scroller;
  #onChange;
  #isFollowing = true;
  #lastTop = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} content what grows inside it
   * @param {(isFollowing: boolean) => void} onChange
   */
  constructor(scroller, content, onChange) {
    this.#scroller = scroller;
    this.#onChange = onChange;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // What the person unfolds is what they want to see, not the end of the page.
    content.addEventListener("click", ({ target }) => {
      if (target instanceof Element && target.closest(UNFOLDS)) this.#follow(false);
    });
    const growth = new ResizeObserver(() => this.#keep());
    growth.observe(content);
    growth.observe(scroller);
  }

  get isFollowing() {
    return this.#isFollowing;
  }

  toLatest() {
    this.#follow(true);
    this.#keep();
  }

  /** Shows something from its top, as when it asks for the person. @param {HTMLElement} target */
  reveal(target) {
    const { top, height } = target.getBoundingClientRect();
    const view = this.#scroller.getBoundingClientRect();
    if (top >= view.top && top + height <= view.bottom) return;
    const wanted = this.#scroller.scrollTop + top - view.top - 12;
    const end = this.#scroller.scrollHeight - this.#scroller.clientHeight;
    this.#follow(wanted >= end);
    this.#scroller.scrollTop = Math.min(wanted, end);
  }

  /** Moves the page so that something stands at a height of the window. @param {HTMLElement} target @param {number} top */
  keepAt(target, top) {
    this.#follow(false);
    this.#scroller.scrollTop += target.getBoundingClientRect().top - top;
    this.#lastTop = this.#scroller.scrollTop;
  }

  // Internal

  #scrolled() {
    const { scrollTop } = this.#scroller;
    // Content that shrinks moves the page up as well, but to its very end.
    if (scrollTop < this.#lastTop && this.#left > 1) this.#follow(false);
    else if (this.#left < NEAR) this.#follow(true);
    this.#lastTop = scrollTop;
  }

  #keep() {
    if (this.#left <= 1) this.#follow(true);
    if (!this.#isFollowing) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  /** Pixels below what is in view. */
  get #left() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  /** @param {boolean} isFollowing */
  #follow(isFollowing) {
    if (isFollowing === this.#isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#onChange(isFollowing);
  }
}
