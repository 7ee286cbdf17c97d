// @ts-check
/** Web storage that may be switched off, full or forbidden: then nothing is remembered, and that is fine. */

export class Remembered {
  /** @type {() => Storage} */
  #storage;

  /** @param {() => Storage} storage a function, because reading `localStorage` itself may throw */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @param {string} key @returns {string | null} */
  get(key) {
    try {
      return this.#storage().getItem(key);
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {string | null} value null forgets it */
  set(key, value) {
    try {
      if (value === null) this.#storage().removeItem(key);
      else this.#storage().setItem(key, value);
    } catch {
      // Not remembered.
    }
  }
}

/** For good, on this device. */
export const onDevice = new Remembered(() => localStorage);
/** For this tab. */
export const inTab = new Remembered(() => sessionStorage);
