// @ts-check
/** Where on the knowledge page a person is, as its address says: `#collection=…`, `#gaps`, `#passage=…`. Pure. */

/** @typedef {{ tab: "documents" | "gaps", collection: string, document: string, passage: string }} KnowledgePlace */

/** @param {string} hash @returns {KnowledgePlace} */
export function knowledgePlace(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  return {
    tab: said.has("gaps") ? "gaps" : "documents",
    collection: said.get("collection") ?? "",
    document: said.get("document") ?? "",
    passage: said.get("passage") ?? "",
  };
}

/** @param {string} id */
export function collectionHash(id) {
  return id ? `#${new URLSearchParams({ collection: id })}` : "#documents";
}
