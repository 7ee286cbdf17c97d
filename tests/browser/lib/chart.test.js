// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { chartGeometry } from "#js/lib/chart-geometry.js";
import { scaleOf } from "#js/lib/chart-scale.js";
import { chartSentence, readChart } from "#js/lib/chart-spec.js";

/** @param {object} [changes] */
function chart(changes = {}) {
  const spec = {
    type: "bar",
    title: "Bugs",
    labels: ["Minor", "Major"],
    values: [58, 9],
    unit: "bugs",
    ...changes,
  };
  const read = readChart(JSON.stringify(spec));
  assert.ok(read);
  return read;
}

test("a chart is read, its unit may be missing", () => {
  assert.equal(readChart('{"type":"line","title":"T","labels":["a"],"values":[1]}')?.unit, "");
});

test("what cannot be drawn is not a chart", () => {
  for (const text of [
    "",
    "null",
    "{",
    '"bar"',
    '{"type":"pie","labels":["a"],"values":[1]}',
    '{"type":"bar","labels":["a","b"],"values":[1]}',
    '{"type":"bar","labels":[],"values":[]}',
    '{"type":"bar","labels":["a"],"values":["1"]}',
    '{"type":"bar","labels":["a"],"values":[null]}',
    JSON.stringify({ type: "bar", labels: Array(201).fill("a"), values: Array(201).fill(1) }),
  ]) {
    assert.equal(readChart(text), null, text);
  }
});

test("a chart can be heard", () => {
  assert.equal(
    chartSentence(chart()),
    "Bar chart: Bugs. 2 values. Highest: Minor, 58 bugs. Lowest: Major, 9 bugs.",
  );
});

test("scales are round and hold every value and zero", () => {
  const table = /** @type {[number[], number[]][]} */ ([
    [
      [58, 9],
      [0, 20, 40, 60],
    ],
    [[0], [0, 0.5]],
    [
      [-5, 5],
      [-5, 0, 5],
    ],
    [
      [0.3, 0.1],
      [0, 0.1, 0.2, 0.3],
    ],
  ]);
  for (const [values, ticks] of table) {
    const scale = scaleOf(values);
    assert.ok(scale.low <= Math.min(0, ...values) && scale.high >= Math.max(0, ...values));
    if (values.length > 1) assert.deepEqual(scale.ticks, ticks);
  }
});

test("lines that differ little are shown close, bars never", () => {
  assert.equal(scaleOf([1000, 1010], { zero: false }).low, 1000);
  assert.equal(scaleOf([1000, 1010]).low, 0);
  assert.equal(scaleOf([10, 1000], { zero: false }).low, 0);
});

test("several series stand side by side, and a missing value is a gap", () => {
  const two = {
    ...chart(),
    series: [
      { name: "open", values: [3, 4] },
      { name: "done", values: [5, null] },
    ],
  };
  const { bars } = chartGeometry(two, 600);
  assert.equal(bars.length, 3);
  assert.ok(bars[0].x + bars[0].width <= bars[2].x);
  const { curves, points } = chartGeometry(
    { ...two, type: "line", labels: ["a", "b", "c"], series: [{ name: "", values: [1, null, 2] }] },
    600,
  );
  assert.deepEqual([curves.length, points.length], [2, 2]);
  assert.match(
    chartSentence(two),
    /3 values in 2 series: open, done\. Highest: Minor, done, 5 bugs/,
  );
});

test("a line's points stand where their times are", () => {
  const spec = {
    ...chart({ type: "line", labels: ["a", "b", "c"], values: [1, 1, 1] }),
    at: [0, 10, 100],
  };
  const [a, b, c] = chartGeometry(spec, 600).points;
  assert.ok(Math.abs((b.x - a.x) * 10 - (c.x - a.x)) < 1);
});

test("bars stand when their names fit side by side and lie down when they do not", () => {
  const standing = chartGeometry(chart(), 600).bars;
  assert.ok(standing[0].height > standing[1].height);
  assert.equal(standing[0].y + standing[0].height, standing[1].y + standing[1].height);
  const long = chart({ labels: ["A project with a long name", "Another one with a long name"] });
  const lying = chartGeometry(long, 320).bars;
  assert.ok(lying[0].width > lying[1].width);
  assert.equal(lying[0].x, lying[1].x);
});

test("nothing is drawn outside, at any width", () => {
  for (const spec of [
    chart(),
    chart({ type: "line" }),
    chart({ values: [-3, 12] }),
    chart({ labels: ["x".repeat(80), "y"] }),
    { ...chart(), series: Array(4).fill({ name: "s", values: [1_500_000, 9] }) },
    { ...chart({ type: "line" }), at: [0, 0] },
    { ...chart({ type: "line" }), series: [{ name: "", values: [null, null] }] },
  ]) {
    for (const width of [240, 320, 640, 1000]) {
      const { bars, points, height } = chartGeometry(spec, width);
      for (const bar of bars) {
        assert.ok(
          bar.x >= 0 &&
            bar.x + bar.width <= width + 1 &&
            bar.y >= 0 &&
            bar.y + bar.height <= height,
        );
        assert.ok(bar.height > 0 && bar.width > 0);
      }
      for (const { x, y } of points) assert.ok(x >= 0 && x <= width && y >= 0 && y <= height);
    }
  }
});

test("a negative bar hangs below the line of zero", () => {
  const [down, up] = chartGeometry(chart({ values: [-10, 10] }), 600).bars;
  assert.equal(up.y + up.height, down.y);
});

test("names on a crowded axis are left out evenly", () => {
  const many = chart({
    type: "line",
    labels: Array.from({ length: 60 }, (_, at) => `Day ${at}`),
    values: Array(60).fill(1),
  });
  const names = chartGeometry(many, 400).labels.filter(({ text }) => text.startsWith("Day"));
  assert.ok(names.length >= 3 && names.length <= 10);
});
