// @ts-check
/** Files that were dropped on the page, those in folders too. */

/** Of a drop; a folder may hold a whole disk. */
export const MOST_DROPPED = 500;
/** What file systems put into folders, and nobody means to send. */
const NOT_MEANT = /^(?:\.|~\$|thumbs\.db$|desktop\.ini$)/i;

/**
 * What was dropped itself is taken whatever it is; of what is in folders, only what is wanted.
 *
 * @param {DataTransfer | null} transfer read before the event is over
 * @param {(file: File) => boolean} isWanted
 * @returns {Promise<{ files: File[], leftOut: number, isCut: boolean }>} `leftOut`: files in folders that are not wanted;
 *   `isCut`: there are more than MOST_DROPPED
 */
export async function droppedFiles(transfer, isWanted) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length === 0)
    return { files: [...(transfer?.files ?? [])], leftOut: 0, isCut: false };
  const whole = [...(transfer?.files ?? [])];
  // A folder is among the files, too, as something that cannot be read.
  const files = whole.filter((file) => !folders.some((folder) => folder?.name === file.name));
  const found = { files, leftOut: 0, isCut: false };
  for (const folder of folders) {
    for await (const file of filesIn(/** @type {FileSystemDirectoryEntry} */ (folder))) {
      if (!isWanted(file)) found.leftOut += 1;
      else if (files.length < MOST_DROPPED) files.push(file);
      else return { ...found, isCut: true };
    }
  }
  return found;
}

/** @param {FileSystemDirectoryEntry} folder @returns {AsyncGenerator<File>} */
async function* filesIn(folder) {
  const reader = folder.createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    // Browsers give a hundred at a time, and an empty list at the end.
    if (some.length === 0) return;
    for (const entry of some) {
      if (NOT_MEANT.test(entry.name)) continue;
      if (entry.isDirectory) yield* filesIn(/** @type {FileSystemDirectoryEntry} */ (entry));
      else yield await fileOf(/** @type {FileSystemFileEntry} */ (entry));
    }
  }
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
