// @ts-check
/** The HTTP of the knowledge base. Every method raises RequestFailed. */

/** @import { CollectionShown, CollectionWish, DocumentPage, DocumentShown, GapShown, GapState, KnowledgeAbout, PagePicture, PassageOpened, WrittenAnswer } from "../types/knowledge.js" */

const ROOT = "/api/knowledge";

export class KnowledgeApi {
  #request;
  #read;

  /**
   * @param {object} parts
   * @param {(method: string, path: string, body?: object) => Promise<any>} parts.request gives JSON
   * @param {(path: string) => Promise<Response>} parts.read gives a file
   */
  constructor({ request, read }) {
    this.#request = request;
    this.#read = read;
  }

  /** @returns {Promise<KnowledgeAbout>} */
  about() {
    return this.#request("GET", ROOT);
  }

  /** @returns {Promise<{ collections: CollectionShown[] }>} */
  collections() {
    return this.#request("GET", `${ROOT}/collections`);
  }

  /** @param {CollectionWish} wish @returns {Promise<CollectionShown>} */
  makeCollection(wish) {
    return this.#request("POST", `${ROOT}/collections`, wish);
  }

  /** @param {string} collectionId @param {Partial<CollectionWish>} change @returns {Promise<CollectionShown>} */
  changeCollection(collectionId, change) {
    return this.#request("PATCH", pathOf("collections", collectionId), change);
  }

  /** @param {string} collectionId @returns {Promise<void>} */
  async removeCollection(collectionId) {
    await this.#request("DELETE", pathOf("collections", collectionId));
  }

  /**
   * The newest first.
   *
   * @param {{ collection?: string, document?: string, name?: string, cursor?: string | null, limit?: number }} wanted
   *   empty: all
   * @returns {Promise<DocumentPage>}
   */
  documents({ collection = "", document = "", name = "", cursor = null, limit }) {
    const query = new URLSearchParams();
    if (collection) query.set("collection_id", collection);
    if (document) query.set("document_id", document);
    if (name) query.set("name", name);
    if (cursor) query.set("cursor", cursor);
    if (limit) query.set("limit", String(limit));
    return this.#request("GET", `${ROOT}/documents?${query}`);
  }

  /** Who may read it, of those who may read its collection. @param {string} documentId @param {string[]} access @returns {Promise<DocumentShown>} */
  changeAccess(documentId, access) {
    return this.#request("PATCH", pathOf("documents", documentId), { access });
  }

  /** Calls the work on its newest version off. @param {string} documentId @returns {Promise<DocumentShown>} */
  cancel(documentId) {
    return this.#request("POST", `${pathOf("documents", documentId)}/cancel`);
  }

  /** @param {string} documentId @returns {Promise<void>} */
  async removeDocument(documentId) {
    await this.#request("DELETE", pathOf("documents", documentId));
  }

  /** The file of a curated answer, which is Markdown. @param {string} documentId @returns {Promise<string>} */
  async originalText(documentId) {
    return (await this.#read(originalOf(documentId))).text();
  }

  /** @param {string} passageId @returns {Promise<PassageOpened>} */
  passage(passageId) {
    return this.#request("GET", pathOf("passages", passageId));
  }

  /** The page that a passage is on, as an image's address. @param {string} passageId @returns {Promise<PagePicture>} */
  async picture(passageId) {
    const answer = await this.#read(`${pathOf("passages", passageId)}/page.png`);
    const mark = answer.headers.get("X-Passage-Mark")?.split(" ").map(Number) ?? [];
    const [top, bottom] = mark.every(Number.isFinite) ? mark : [];
    return {
      url: await dataUrl(await answer.blob()),
      mark: bottom === undefined ? null : { top, bottom },
    };
  }

  /** Those asked most often first. @param {GapState} state @returns {Promise<{ gaps: GapShown[] }>} */
  gaps(state) {
    return this.#request("GET", `${ROOT}/gaps?${new URLSearchParams({ state })}`);
  }

  /** @param {string} gapId @param {WrittenAnswer} written @returns {Promise<DocumentShown>} */
  answerGap(gapId, written) {
    return this.#request("POST", `${pathOf("gaps", gapId)}/answer`, written);
  }

  /** Until the new one is ready, the old one is found. @param {string} documentId @param {WrittenAnswer} written @returns {Promise<DocumentShown>} */
  changeAnswer(documentId, written) {
    return this.#request("PUT", pathOf("answers", documentId), written);
  }

  /** @param {string} gapId @returns {Promise<void>} */
  async dismissGap(gapId) {
    await this.#request("POST", `${pathOf("gaps", gapId)}/dismiss`);
  }
}

/** Where the file of a document is. @param {string} documentId */
export function originalOf(documentId) {
  return `${pathOf("documents", documentId)}/original`;
}

/**
 * Where a file is sent.
 *
 * @param {{ name: string, collection: string, replaces?: string, access?: string[] }} upload `access`: as the collection's
 *   without it
 */
export function uploadPath({ name, collection, replaces = "", access = [] }) {
  const query = new URLSearchParams({ name });
  if (collection) query.set("collection", collection);
  if (replaces) query.set("document_id", replaces);
  for (const key of access) query.append("access", key);
  return `${ROOT}/documents?${query}`;
}

/** @param {Blob} blob @returns {Promise<string>} */
function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

/** @param {string} kind @param {string} id */
function pathOf(kind, id) {
  return `${ROOT}/${kind}/${encodeURIComponent(id)}`;
}
