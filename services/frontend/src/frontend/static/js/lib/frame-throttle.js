// @ts-check
/** Runs a task on an animation frame, at most once in a while; the last request is never lost. */

export class FrameThrottle {
  #task;
  #pauseMs;
  #waiting = false;
  #lastRunAt = Number.NEGATIVE_INFINITY;

  /** @param {() => void} task @param {number} pauseMs the least time between two runs */
  constructor(task, pauseMs) {
    this.#task = task;
    this.#pauseMs = pauseMs;
  }

  request() {
    if (this.#waiting) return;
    this.#waiting = true;
    const pause = this.#lastRunAt + this.#pauseMs - performance.now();
    if (pause > 0) setTimeout(() => this.#onFrame(), pause);
    else this.#onFrame();
  }

  /** Runs now; a waiting request is thereby served. */
  flush() {
    this.#waiting = false;
    this.#lastRunAt = performance.now();
    this.#task();
  }

  #onFrame() {
    // A hidden page gets no frames, but must not fall behind without bound.
    const next = document.hidden ? setTimeout : requestAnimationFrame;
    next(() => {
      if (this.#waiting) this.flush();
    });
  }
}
