// @ts-check
/** Tables as tools answer with them, and what a call's body needs from outside. */

/** @import { ResultPort } from "#js/views/result-view.js" */
/** @import { JsonObject } from "#js/types/wire.js" */

/** For views that ask for nothing. @type {ResultPort} */
export const unusedResults = {
  whole: () => Promise.reject(new Error("not asked for here")),
  keep: () => Promise.reject(new Error("not asked for here")),
  propose: () => {},
};

/** Tasks by project. @param {number} count @param {JsonObject} [changes] @returns {JsonObject} */
export function tasksByProject(count, changes = {}) {
  return {
    columns: [
      { name: "project", type: "text", masked: null },
      { name: "tasks", type: "integer", masked: null },
    ],
    rows: Array.from({ length: count }, (_, at) => [`Project ${at + 1}`, at * 10]),
    row_count: count,
    offset: 0,
    truncated: false,
    elapsed_ms: 3.2,
    hidden_columns: 0,
    warnings: [],
    ...changes,
  };
}
