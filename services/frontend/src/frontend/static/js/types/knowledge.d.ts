/** The knowledge base as shared/wire/knowledge.py says it. */

export type DocumentState = "queued" | "parsing" | "embedding" | "ready" | "failed" | "cancelled";
export type Support = "supported" | "partly" | "not_found";
export type GapState = "open" | "answered" | "dismissed";

export interface KnowledgeAbout {
  available: boolean;
  editor: boolean;
  document_bytes: number;
  /** Suffixes of files that can be read: `.pdf`. */
  kinds: string[];
  open_gaps: number;
}

export interface CollectionShown {
  id: string;
  name: string;
  description: string;
  documents: number;
  access: string[];
  editable: boolean;
  model: string;
}

export interface CollectionWish {
  name: string;
  description: string;
  access: string[];
}

export interface DocumentShown {
  id: string;
  collection_id: string;
  name: string;
  title: string;
  media_type: string;
  octets: number;
  state: DocumentState;
  progress: number;
  reason: string;
  warnings: string[];
  pages: number | null;
  chunks: number;
  uploaded_by_name: string;
  uploaded_at: string;
  /** Empty: as the collection's. */
  access: string[];
  curated: boolean;
  editable: boolean;
}

export interface DocumentPage {
  documents: DocumentShown[];
  next_cursor: string | null;
}

export interface DocumentAdded {
  document: DocumentShown;
  duplicate: boolean;
}

export interface PassageShown {
  id: string;
  document_id: string;
  title: string;
  name: string;
  page: number | null;
  headings: string[];
  start: number;
  end: number;
  quote: string;
  curated: boolean;
}

export interface PassageOpened {
  passage: PassageShown;
  document: DocumentShown;
  text: string;
  text_start: number;
  whole: boolean;
  page_image: boolean;
}

export interface PagePicture {
  url: string;
  /** Where the marked lines begin and end, in heights of the picture; null: nothing is marked. */
  mark: { top: number; bottom: number } | null;
}

export interface SentenceChecked {
  start: number;
  end: number;
  passages: string[];
  support: Support;
  judged_by: "words" | "vectors" | "model";
}

export interface Citations {
  passages: PassageShown[];
  sentences: SentenceChecked[];
}

/** A curated answer: Markdown below its question. */
export interface WrittenAnswer {
  question: string;
  answer: string;
}

export interface GapShown {
  id: string;
  /** What was looked for in the documents. */
  question: string;
  /** In the words of the person who asked last; empty: not known. */
  asked_as: string;
  asked: number;
  first_asked_at: string;
  last_asked_at: string;
  state: GapState;
  answer_id: string;
}
