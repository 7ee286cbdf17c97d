// A client of the official TypeScript SDK that does what it is told on stdin: one JSON object a line, one answer each.
// Arguments: the SDK's major version, the protocol era ("legacy", "modern", "auto", or "default" for the SDK's own
// choice), and where the server is ({"command", "args", "env", "cwd"} or {"url", "headers"}).
import process from "node:process";
import { createInterface } from "node:readline";

const [sdk, era, where] = process.argv.slice(2);
const target = JSON.parse(where);
const ABOUT = { name: "steward-readme-test", version: "1" };

/** Version 1 speaks the legacy era only. */
async function connectV1() {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const { StreamableHTTPClientTransport } = await import(
    "@modelcontextprotocol/sdk/client/streamableHttp.js"
  );
  const client = new Client(ABOUT);
  const transport = makeTransport(StdioClientTransport, StreamableHTTPClientTransport);
  let version;
  const note = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (agreed) => {
    version = agreed;
    note?.(agreed);
  };
  await client.connect(transport);
  const callTool = (params, options) => client.callTool(params, undefined, options);
  return { client, transport, version, callTool };
}

async function connectV2() {
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
  const mode = era === "modern" ? { pin: "2026-07-28" } : era;
  const options = era === "default" ? {} : { versionNegotiation: { mode } };
  const client = new Client(ABOUT, options);
  const transport = makeTransport(StdioClientTransport, StreamableHTTPClientTransport);
  await client.connect(transport);
  const callTool = (params, options) => client.callTool(params, options);
  return { client, transport, version: client.getNegotiatedProtocolVersion(), callTool };
}

function makeTransport(Stdio, Http) {
  if (target.url) {
    return new Http(new URL(target.url), { requestInit: { headers: target.headers ?? {} } });
  }
  return new Stdio(target);
}

const { client, transport, version, callTool } = await (sdk === "1" ? connectV1() : connectV2());
let begun;

function answerOf({ content, structuredContent, isError }) {
  const text = content.map((part) => part.text ?? "").join("\n");
  return { is_error: isError ?? false, structured: structuredContent ?? null, text };
}

const deeds = {
  version: async () => version,
  pid: async () => transport.pid,
  tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
  call: async ({ tool, arguments: given }) =>
    answerOf(await callTool({ name: tool, arguments: given })),
  resources: async () => (await client.listResources()).resources.map((one) => one.uri),
  read: async ({ uri }) => (await client.readResource({ uri })).contents[0].text,
  prompts: async () => (await client.listPrompts()).prompts.map((one) => one.name),
  prompt: async ({ name, arguments: given }) =>
    (await client.getPrompt({ name, arguments: given })).messages[0].content.text,
  begin: async ({ tool, arguments: given }) => {
    const stop = new AbortController();
    const outcome = callTool({ name: tool, arguments: given }, { signal: stop.signal }).then(
      () => "answered",
      () => "cancelled",
    );
    begun = { stop, outcome };
    return null;
  },
  cancel: async () => {
    begun.stop.abort();
    return await begun.outcome;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { deed, ...details } = JSON.parse(line);
  let answer;
  try {
    answer = { answer: await deeds[deed](details) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await client.close();
