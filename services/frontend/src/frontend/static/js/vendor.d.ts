/** What the page uses of the vendored libraries, and nothing else. */

export const DOMPurify: {
  sanitize(
    dirty: string,
    config: {
      ALLOWED_TAGS: string[];
      ALLOWED_ATTR: string[];
      ALLOW_DATA_ATTR: boolean;
      ALLOW_ARIA_ATTR: boolean;
      ALLOWED_URI_REGEXP: RegExp;
      ADD_URI_SAFE_ATTR: string[];
      RETURN_DOM_FRAGMENT: true;
    },
  ): DocumentFragment;
};

export interface Token {
  type: string;
  raw: string;
  text?: string;
  lang?: string;
  href?: string;
  depth?: number;
  tokens?: Token[];
}
export type TokenList = Token[] & { links: Record<string, unknown> };

interface Renderer {
  parser: { parseInline(tokens: Token[]): string };
}

export class Marked {
  constructor(options: {
    gfm?: boolean;
    renderer?: Record<string, (this: Renderer, token: Token) => string | false>;
    extensions?: {
      name: string;
      level: "inline";
      start(source: string): number;
      tokenizer(source: string): Token | undefined;
      renderer(token: Token): string;
    }[];
  });
  lexer(source: string): TokenList;
  parser(tokens: TokenList): string;
}

export interface Socket {
  readonly connected: boolean;
  readonly active: boolean;
  connect(): Socket;
  disconnect(): Socket;
  // biome-ignore lint/suspicious/noExplicitAny: what arrives is as the server sent it
  on(event: string, listener: (...values: any[]) => void): Socket;
  timeout(ms: number): { emitWithAck(event: string, ...values: unknown[]): Promise<unknown> };
}

export function io(options: {
  path?: string;
  transports: string[];
  autoConnect?: boolean;
  reconnectionDelay?: number;
  reconnectionDelayMax?: number;
}): Socket;

export interface Highlighter {
  highlight(
    code: string,
    options: { language: string; ignoreIllegals: boolean },
  ): { value: string };
  getLanguage(name: string): unknown;
  registerLanguage(name: string, grammar: unknown): void;
}
export function loadHighlighter(): Promise<Highlighter>;
export function loadLanguage(name: string): Promise<unknown>;
