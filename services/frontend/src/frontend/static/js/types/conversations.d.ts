/** Searching and sharing conversations, as shared/wire/api.py has them. */

export interface SnippetPart {
  text: string;
  found: boolean;
}

export interface SearchHit {
  conversation_id: string;
  title: string;
  turn_id: string;
  role: "person" | "assistant";
  at: string;
  snippet: SnippetPart[];
}

export interface Share {
  token: string;
  created_at: string;
  turns: number;
}
