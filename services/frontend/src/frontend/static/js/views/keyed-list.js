// @ts-check
/**
 * Rows of a list that changes under the person's hands: only what differs is made anew, so that a press on a button
 * counts, what was folded out stays so, and the keyboard stays where it was.
 */

/** @typedef {{ key: string, shown: unknown, make: () => HTMLElement }} KeyedRow `shown`: all that the row depends on */

export class KeyedList {
  #list;
  #otherwise;
  /** @type {Map<string, { element: HTMLElement, drawn: string }>} */
  #rows = new Map();

  /** @param {HTMLElement} list @param {() => HTMLElement} otherwise where the keyboard goes when its row was the last one */
  constructor(list, otherwise) {
    this.#list = list;
    this.#otherwise = otherwise;
  }

  /** @param {KeyedRow[]} rows in their order */
  update(rows) {
    const held = document.activeElement;
    const at = [...this.#list.children].findIndex((row) => row.contains(held));
    const heldRow = this.#list.children[at];
    const before = this.#rows;
    this.#rows = new Map(rows.map((row) => [row.key, renewed(before.get(row.key), row)]));
    arrange(
      this.#list,
      [...this.#rows.values()].map(({ element }) => element),
    );
    if (heldRow && document.activeElement !== held) this.#hold(heldRow, at, held);
  }

  // Internal

  /** @param {Element} row that had the focus @param {number} at where it was @param {Element | null} held in it */
  #hold(row, at, held) {
    const { children } = this.#list;
    const next = row.isConnected ? row : children[Math.min(at, children.length - 1)];
    const act = held?.getAttribute("data-act");
    const again = act && row.isConnected ? next?.querySelector(`[data-act="${act}"]`) : null;
    for (const target of [again, next, next?.querySelector("button"), this.#otherwise()]) {
      if (!(target instanceof HTMLElement)) continue;
      target.focus();
      if (document.activeElement === target) return;
    }
  }
}

/** @param {{ element: HTMLElement, drawn: string } | undefined} known @param {KeyedRow} row */
function renewed(known, { shown, make }) {
  const drawn = JSON.stringify(shown);
  if (known?.drawn === drawn) return known;
  const made = make();
  if (!known) return { element: made, drawn };
  for (const { name, value } of [...made.attributes]) known.element.setAttribute(name, value);
  const old = [...known.element.children];
  const children = [...made.children].map((child) => {
    const same = old.findIndex((one) => one.isEqualNode(child));
    return same === -1 ? child : old.splice(same, 1)[0];
  });
  arrange(known.element, children);
  return { element: known.element, drawn };
}

/** Makes these the children. What is at its place is not touched. @param {Element} parent @param {Element[]} children */
function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}
