// @ts-check
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { App } from "#js/models/app.js";
import { openPage, settled, until } from "../support/page.js";

const window = openPage({ template: "mailbox.html", path: "/mailbox" });
const { MailboxController } = await import("#js/controllers/mailbox-controller.js");
const { MailboxLinkController } = await import("#js/controllers/optional-link-controller.js");

const MARKUP = window.document.body.innerHTML;
const ACCOUNTS = [
  { name: "one", address: "ada@one.test" },
  { name: "two", address: "ada@two.test" },
];
const FOLDERS = [
  { name: "INBOX", role: "inbox", total: 1, unread: 0 },
  { name: "Sent", role: "sent", total: 1, unread: 0 },
];

/** @param {string} id */
const entry = (id) => ({
  id,
  folder: "INBOX",
  sender: { name: "Lee", spec: "lee@y.test" },
  to: [],
  subject: `About ${id}`,
  date: null,
  received: "2026-11-21T09:00:00Z",
  flags: ["seen"],
  has_attachments: false,
  snippet: "",
});

/** @type {any} */
let asked;

beforeEach(() => {
  // Whoever listened to the address before has nothing left to show it in.
  window.location.hash = "";
  window.document.body.innerHTML = MARKUP;
  asked = { mails: [] };
});

/** @param {object} [changes] */
function answering(changes = {}) {
  return {
    mailboxes: async () => ({ accounts: ACCOUNTS.slice(0, 1) }),
    mailFolders: async () => ({ folders: FOLDERS }),
    mails: async (/** @type {any} */ wanted) => {
      asked.mails.push(wanted);
      return wanted.cursor
        ? { mails: [entry("older")], next_cursor: null }
        : { mails: [entry(`${wanted.account}-${wanted.folder}`)], next_cursor: "next" };
    },
    mail: async () => {
      throw new Error("There is no such mail.");
    },
    ...changes,
  };
}

/** @param {any} api */
async function shown(api) {
  const main = /** @type {any} */ (document.querySelector("main"));
  await new MailboxController(main, new App({ api, connection: null, me: "Ada" })).connect();
  await settled();
  return main;
}

/** @param {Element} main */
const subjects = (main) =>
  [...main.querySelectorAll(".mail-row-subject")].map((node) => node.textContent);

/** @param {Element} main @param {string} name @returns {any} */
const partOf = (main, name) => main.querySelector(`[data-part="${name}"]`);

test("it opens with the first folder of the first mailbox, and shows older mails after it", async () => {
  const main = await shown(answering());
  assert.deepEqual(subjects(main), ["About one-INBOX"]);
  partOf(main, "more").click();
  await settled();
  assert.deepEqual(subjects(main), ["About one-INBOX", "About older"]);
  assert.equal(asked.mails[1].cursor, "next");
  assert.equal(partOf(main, "more").hidden, true);
});

test("the address of the page chooses mailbox and folder", async () => {
  window.location.hash = "#account=two&folder=Sent";
  const main = await shown(answering({ mailboxes: async () => ({ accounts: ACCOUNTS }) }));
  assert.deepEqual(subjects(main), ["About two-Sent"]);
  assert.equal(partOf(main, "account-field").hidden, false);
});

test("an answer that comes too late is not shown", async () => {
  /** @type {any} */
  const api = answering();
  const main = await shown(api);
  /** @type {((answer: object) => void)[]} */
  const answers = [];
  api.mails = () => new Promise((resolve) => answers.push(resolve));
  for (const words of ["first", "second"]) {
    partOf(main, "search").value = words;
    partOf(main, "search-form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  }
  answers[1]({ mails: [entry("second")], next_cursor: null });
  await settled();
  answers[0]({ mails: [entry("first")], next_cursor: null });
  await settled();
  assert.deepEqual(subjects(main), ["About second"]);
});

test("nothing found, nothing sent and nothing to be had are different words", async () => {
  const empty = answering({ mails: async () => ({ mails: [], next_cursor: null }) });
  const main = await shown(empty);
  assert.equal(partOf(main, "list-note").textContent, "No mail here.");
  partOf(main, "search").value = "plan";
  partOf(main, "search-form").dispatchEvent(new window.Event("submit", { cancelable: true }));
  await settled();
  assert.equal(partOf(main, "list-note").textContent, "No mail here holds “plan”.");
  window.location.hash = "#account=one&folder=Sent";
  partOf(main, "search").value = "";
  await until(() => partOf(main, "list-note").textContent.startsWith("Nothing was sent yet."));
});

test("what cannot be shown says why, and what else is there stays", async () => {
  window.location.hash = "#account=one&folder=INBOX&mail=m1";
  const main = await shown(answering());
  assert.match(partOf(main, "mail").textContent, /cannot be shown\. There is no such mail\./);
  assert.deepEqual(subjects(main), ["About one-INBOX"]);
  const broken = answering({
    mails: async () => {
      throw new Error("Away.");
    },
  });
  window.document.body.innerHTML = MARKUP;
  const other = await shown(broken);
  assert.equal(partOf(other, "list-note").textContent, "The mails cannot be shown. Away.");
});

test("the link is there for whoever has a mailbox here", async () => {
  const link = document.createElement("a");
  for (const [accounts, hidden] of /** @type {const} */ ([
    [ACCOUNTS, false],
    [[], true],
  ])) {
    link.hidden = true;
    const app = new App({
      api: /** @type {any} */ ({ mailboxes: async () => ({ accounts }) }),
      connection: null,
      me: "Ada",
    });
    await new MailboxLinkController(link, app).connect();
    assert.equal(link.hidden, hidden);
  }
  const away = new App({
    api: /** @type {any} */ ({ mailboxes: () => Promise.reject(new Error("Away.")) }),
    connection: null,
    me: "Ada",
  });
  link.hidden = true;
  await new MailboxLinkController(link, away).connect();
  assert.equal(link.hidden, true);
});
