// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvents, newTurn } from "#js/models/turn.js";
import { TurnSpeech } from "#js/models/turn-speech.js";
import {
  asked,
  callStarted,
  delta,
  finished,
  inputAnswered,
  inputNeeded,
  numbered,
  outcomeNeeded,
  proposed,
  started,
} from "../support/events.js";

function listener() {
  /** @type {string[]} */
  const heard = [];
  /** @type {string[]} */
  const urgent = [];
  const speech = new TurnSpeech({
    announce: (text) => heard.push(text),
    announceNow: (text) => urgent.push(text),
  });
  return { speech, heard, urgent };
}

/** @param {...any} events */
function turnOf(...events) {
  return applyEvents(newTurn("turn-1"), numbered(started(), ...events)).turn;
}

test("sentences are spoken when they are whole, and only once", () => {
  const { speech, heard } = listener();
  const texts = ["It ", "is noon. And ", "sunny", "."];
  for (let count = 0; count <= texts.length; count += 1) {
    speech.follow(turnOf(...texts.slice(0, count).map(delta)));
  }
  speech.follow(turnOf(...texts.map(delta), finished()));
  assert.deepEqual(heard, ["Steward is thinking…", "It is noon.", "And sunny."]);
});

test("what was there before is not read out, what follows is", () => {
  const { speech, heard } = listener();
  speech.skip(turnOf(delta("Old words. ")));
  speech.follow(turnOf(delta("Old words. "), delta("New words. ")));
  assert.deepEqual(heard, ["New words."]);
});

test("a question for the person is urgent, and asked aloud once", () => {
  const { speech, urgent } = listener();
  const turn = turnOf(proposed(), asked());
  speech.follow(turn);
  speech.follow(turn);
  assert.deepEqual(urgent, ["Steward asks for your yes: Set a task's status on dbquery."]);
});

test("a server's question and a lost outcome are urgent as well, a second person's yes is not", () => {
  const { speech, urgent } = listener();
  speech.follow(turnOf(proposed(), callStarted(), inputNeeded()));
  speech.follow(turnOf(proposed(), callStarted(), inputNeeded(), inputAnswered("accept")));
  speech.follow(
    turnOf(proposed(), callStarted(), inputNeeded(), inputAnswered("accept"), outcomeNeeded()),
  );
  speech.follow(
    turnOf(
      proposed(),
      proposed({ call_id: "call-2" }),
      asked({ call_id: "call-2", approver_roles: ["admin"] }),
    ),
  );
  assert.deepEqual(urgent, [
    "The server rooms asks you: For whom is the room?",
    "It may have been done: Set a task's status on dbquery. Please choose.",
  ]);
});

test("a stop is said", () => {
  const { speech, heard } = listener();
  speech.follow(turnOf(delta("It is"), finished("stopped")));
  assert.deepEqual(heard, ["It is", "Stopped."]);
});
