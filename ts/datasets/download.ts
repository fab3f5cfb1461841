/**
 * Files of published data sets: from a local folder, or from mirrors, checked and kept.
 * @module
 */
import { FileError, type OnProgress, fsModule, pathModule, readBytes, sha256, writeFileSync } from '../io/files.js';

/** A published file: its name, and the SHA-256 of its bytes as published. */
export interface PublishedFile {
  readonly name: string;
  readonly sha256: string;
}

/** Called while files are downloaded: the file's name, bytes so far, total bytes if known. */
export type OnDownload = (file: string, loaded: number, total: number | undefined) => void;

/** Where the file is under one of `folders`, as it is or without `.gz`; undefined if nowhere. @internal */
export function findFile(folders: readonly string[], name: string): string | undefined {
  const fs = fsModule();
  const path = pathModule();
  if (fs === undefined || path === undefined) return undefined;
  const candidates = folders.flatMap((folder) => [path.join(folder, name), path.join(folder, name.replace(/\.gz$/, ''))]);
  return candidates.find((file) => fs.existsSync(file) && fs.statSync(file).isFile());
}

/**
 * The file's bytes from the first mirror that gives the right ones.
 * @throws {@link FileError} that says for each mirror what went wrong.
 */
export async function download(file: PublishedFile, mirrors: readonly string[], onDownload?: OnDownload): Promise<Uint8Array> {
  const report: OnProgress = (loaded, total) => onDownload?.(file.name, loaded, total);
  const failures: string[] = [];
  for (const mirror of mirrors) {
    const url = mirror.replace(/\/*$/, '/') + file.name;
    try {
      const bytes = await readBytes(url, report);
      const digest = await sha256(bytes);
      if (digest === undefined || digest === file.sha256) return bytes;
      failures.push(`${url}: other bytes than were published: SHA-256 ${digest}, not ${file.sha256}`);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      failures.push(error.message);
    }
  }
  throw new FileError(`${file.name}: no mirror gave it:\n  ${failures.join('\n  ')}\nFetch it by hand and put it into the data set's folder.`);
}

/** Keeps downloaded bytes in `folder` for the next time; in a browser, where the HTTP cache does that, nothing. @internal */
export function store(folder: string, name: string, bytes: Uint8Array): void {
  if (fsModule() !== undefined) writeFileSync(pathModule()!.join(folder, name), bytes);
}
