// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf, humanized, readField, writtenValue } from "#js/lib/argument-schema.js";

/** @import { Json, JsonObject } from "#js/types/wire.js" */

/** @param {JsonObject} property @param {Json} [value] @param {boolean} [required] */
function fieldOf(property, value, required = true) {
  const schema = { type: "object", properties: { it: property }, required: required ? ["it"] : [] };
  return fieldsOf(schema, value === undefined ? {} : { it: value })[0];
}

test("the kind of a field follows its schema and value", () => {
  const table = /** @type {[JsonObject, Json | undefined, string][]} */ ([
    [{ type: "string" }, "short", "text"],
    [{ type: "string" }, "two\nlines", "multiline"],
    [{ type: "string" }, "long ".repeat(30), "multiline"],
    [{ type: "string", maxLength: 2000 }, "Hi", "multiline"],
    [{ type: "integer" }, 3, "integer"],
    [{ type: "integer" }, 2 ** 60, "json"],
    [{ type: "number" }, 3.5, "number"],
    [{ type: "boolean" }, true, "boolean"],
    [{ type: "string", enum: ["a", "b"] }, "a", "choice"],
    [{ const: "a" }, "a", "choice"],
    [{ type: "array", items: { type: "string" } }, ["a"], "lines"],
    [{ type: "array", items: { type: "string" } }, undefined, "lines"],
    [{ type: "array", items: { type: "string" } }, ["two\nlines"], "json"],
    [{ type: "array", items: { type: "string" } }, [" a "], "json"],
    [{ type: "array", items: { type: "string" } }, ["a", ""], "json"],
    [{ type: "array", items: { type: "string" } }, "a", "json"],
    [{ type: "array", items: { enum: ["a", "b"] } }, ["a"], "json"],
    [{ type: "array", items: { type: "integer" } }, [1], "json"],
    [{ type: "object" }, {}, "json"],
    [{}, "text of no declared type", "multiline"],
    [{}, 3, "json"],
    [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "a", "json"],
    [{ type: ["integer", "null"] }, null, "integer"],
  ]);
  for (const [property, value, kind] of table) {
    assert.equal(fieldOf(property, value).kind, kind, JSON.stringify(property));
  }
});

test("references, optional types and single allOf are followed", () => {
  /** @type {JsonObject} */
  const schema = {
    type: "object",
    properties: {
      status: { allOf: [{ $ref: "#/$defs/Status" }], description: "Where it goes." },
      limit: { anyOf: [{ type: "integer", maximum: 500 }, { type: "null" }], default: null },
    },
    $defs: { Status: { enum: ["todo", "done"] } },
  };
  const [status, limit] = fieldsOf(schema, { status: "done" });
  assert.deepEqual(
    [status.kind, status.choices, status.description],
    ["choice", ["todo", "done"], "Where it goes."],
  );
  assert.deepEqual([limit.kind, limit.max, limit.nullable], ["integer", 500, true]);
});

test("the type of a list's entries is found behind a reference", () => {
  /** @type {JsonObject} */
  const schema = {
    type: "object",
    properties: { to: { type: "array", items: { $ref: "#/$defs/Address" } } },
    $defs: { Address: { type: "string" } },
  };
  assert.equal(fieldsOf(schema, { to: ["a@b.org"] })[0].kind, "lines");
});

test("a schema that refers to itself does not hang the page", () => {
  const schema = {
    type: "object",
    properties: { it: { $ref: "#/$defs/Loop" } },
    $defs: { Loop: { $ref: "#/$defs/Loop" } },
  };
  assert.equal(fieldsOf(schema, { it: {} })[0].kind, "json");
});

test("arguments the schema does not name are shown as well", () => {
  const fields = fieldsOf(
    { type: "object", properties: { a: { type: "string" } } },
    { a: "x", surprise: 1 },
  );
  assert.deepEqual(
    fields.map(({ name }) => name),
    ["a", "surprise"],
  );
});

test("a name is written as words", () => {
  assert.equal(humanized("task_id"), "Task ID");
  assert.equal(humanized("dueOn"), "Due on");
  assert.equal(humanized("sql"), "SQL");
});

test("what is written is read in its type", () => {
  const table = /** @type {[JsonObject, string, Json][]} */ ([
    [{ type: "integer" }, " 42 ", 42],
    [{ type: "number" }, "-1.5", -1.5],
    [{ type: "boolean" }, "false", false],
    [{ enum: ["a", 1, null] }, "1", 1],
    [{ type: "string" }, "  kept  ", "  kept  "],
    [{ type: "object" }, '{"a": [1]}', { a: [1] }],
    [
      { type: "array", items: { type: "string" } },
      " a@b.org\n\nc@d.org \n",
      ["a@b.org", "c@d.org"],
    ],
  ]);
  for (const [property, written, value] of table) {
    assert.deepEqual(readField(fieldOf(property), written), { value }, JSON.stringify(property));
  }
});

test("what cannot be sent is refused with a sentence", () => {
  const table = /** @type {[JsonObject, string, string][]} */ ([
    [{ type: "integer" }, "", "This is needed."],
    [{ type: "integer" }, "four", "Write a number."],
    [{ type: "integer" }, "1.5", "Write a whole number."],
    [{ type: "integer" }, "9007199254740993", "This number is too large."],
    [{ type: "integer", minimum: 1 }, "0", "The least is 1."],
    [{ type: "integer", exclusiveMinimum: 0 }, "0", "The least is 1."],
    [{ type: "number", maximum: 10 }, "10.5", "The most is 10."],
    [{ type: "number" }, "Infinity", "Write a number."],
    [{ type: "string", minLength: 1 }, "", "This is needed."],
    [{ type: "string", minLength: 3 }, "ab", "Write at least 3 characters."],
    [{ type: "string", maxLength: 3 }, "abcd", "Write at most 3 characters; these are 4."],
    [{ type: "array" }, "[1,", "This is not valid JSON."],
    [{ type: "array", items: { type: "string" }, minItems: 1 }, "\n ", "This is needed."],
    [{ type: "array", items: { type: "string" }, minItems: 2 }, "a", "Write at least 2 lines."],
    [
      { type: "array", items: { type: "string" }, maxItems: 1 },
      "a\nb",
      "Write at most 1 lines; these are 2.",
    ],
    [{ enum: ["a"] }, "", "This is needed."],
  ]);
  for (const [property, written, problem] of table) {
    assert.deepEqual(
      readField(fieldOf(property), written),
      { problem },
      `${JSON.stringify(property)} ${written}`,
    );
  }
});

test("lengths are counted in characters, as the server counts them", () => {
  assert.deepEqual(readField(fieldOf({ type: "string", maxLength: 2 }), "👍👍"), { value: "👍👍" });
});

test("an optional field left empty is left out, a nullable one is null", () => {
  assert.deepEqual(readField(fieldOf({ type: "string" }, undefined, false), ""), { absent: true });
  assert.deepEqual(
    readField(fieldOf({ anyOf: [{ type: "integer" }, { type: "null" }] }, 1, false), ""),
    { value: null },
  );
});

test("what is shown for a value is read back as that value", () => {
  const table = /** @type {[JsonObject, Json][]} */ ([
    [{ type: "string" }, "text"],
    [{ type: "integer" }, 7],
    [{ type: "boolean" }, false],
    [{ type: "array" }, [1, { a: null }]],
    [{ type: "array", items: { type: "string" } }, ["a@b.org", "Ada <c@d.org>"]],
    [{ type: "array", items: { type: "string" } }, ["two\nlines", ""]],
    [{ type: "array", items: { $ref: "#/$defs/Address" } }, ["a"]],
  ]);
  for (const [property, value] of table) {
    const field = fieldOf(property, value);
    assert.deepEqual(readField(field, writtenValue(field, value)), { value });
  }
});
