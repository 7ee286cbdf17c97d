// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFields, readAnswer, writtenAnswer } from "#js/lib/answer-schema.js";

/** @param {any} schema */
function only(schema) {
  return answerFields({ type: "object", properties: { it: schema }, required: ["it"] })[0];
}

test("each kind of field has its input", () => {
  const table = /** @type {[any, string][]} */ ([
    [{ type: "string" }, "text"],
    [{ type: "string", format: "email" }, "email"],
    [{ type: "string", format: "uri" }, "url"],
    [{ type: "string", format: "date" }, "date"],
    [{ type: "string", format: "date-time" }, "datetime-local"],
    [{ type: "string", format: "hostname" }, "text"],
    [{ type: "integer" }, "integer"],
    [{ type: "number" }, "number"],
    [{ type: "boolean" }, "choice"],
    [{ type: "string", enum: ["a"] }, "choice"],
    [{ type: "string", oneOf: [{ const: "a", title: "A" }] }, "choice"],
    [{ type: "array", items: { type: "string", enum: ["a"] } }, "choices"],
  ]);
  for (const [schema, kind] of table) assert.equal(only(schema).kind, kind);
});

test("labels come from titles, and from names where there is none", () => {
  assert.equal(only({ type: "string", title: "Your e-mail" }).label, "Your e-mail");
  assert.equal(answerFields({ properties: { task_id: { type: "integer" } } })[0].label, "Task ID");
});

test("choices have the titles the server gives them, in each way it may", () => {
  const expected = [
    { value: "u", label: "U shape" },
    { value: "rows", label: "Rows" },
  ];
  const titled = expected.map(({ value, label }) => ({ const: value, title: label }));
  for (const schema of [
    { type: "string", oneOf: titled },
    { type: "array", items: { anyOf: titled } },
    { type: "string", enum: ["u", "rows"], enumNames: ["U shape", "Rows"] },
  ]) {
    assert.deepEqual(only(schema).options, expected);
  }
});

test("limits of numbers, texts and counts are kept", () => {
  const { min, max } = only({ type: "integer", minimum: 0, maximum: 5 });
  assert.deepEqual([min, max], [0, 5]);
  const { minLength, maxLength } = only({ type: "string", minLength: 2, maxLength: 9 });
  assert.deepEqual([minLength, maxLength], [2, 9]);
  const many = only({ type: "array", items: { enum: ["a", "b"] }, minItems: 1, maxItems: 2 });
  assert.deepEqual([many.min, many.max], [1, 2]);
});

test("what is written becomes what the schema wants, and nothing is left out", () => {
  const table = /** @type {[any, string, any][]} */ ([
    [{ type: "string" }, "7", "7"],
    [{ type: "string" }, "", undefined],
    [{ type: "integer" }, "7", 7],
    [{ type: "number" }, "1.5", 1.5],
    [{ type: "boolean" }, "false", false],
    [{ type: "string", enum: ["a"] }, '"a"', "a"],
    [{ type: "string", format: "date" }, "2026-11-21", "2026-11-21"],
  ]);
  for (const [schema, written, value] of table) {
    assert.equal(readAnswer(only(schema), written), value);
  }
});

test("an instant is written on the person's clock and sent with its zone", () => {
  const field = only({ type: "string", format: "date-time" });
  const written = writtenAnswer(field, "2026-11-21T09:30:00Z");
  assert.equal(readAnswer(field, written), "2026-11-21T09:30:00.000Z");
  assert.equal(writtenAnswer(field, "soon"), "");
});

test("a schema that is none has no fields", () => {
  assert.deepEqual(answerFields({}), []);
  assert.equal(answerFields({ properties: { odd: /** @type {any} */ (5) } })[0].kind, "text");
});
