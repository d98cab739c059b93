import type { Encoded } from '../drivers/cache-driver.js';

/** What is kept beside a value, where there is anything to keep. */
export interface EntryMeta {
  /** The last part of its stored life, in milliseconds, in which it is stale; absent: it is fresh to its end. */
  readonly staleMs?: number | undefined;
  /** How long it took to load, in milliseconds. */
  readonly loadMs?: number | undefined;
  /** Versions of its tags when it was made, by the tag's full key. It is void once any of them is another. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface StoredEntry {
  /** What the codec wrote. */
  readonly payload: Encoded;
  /** Absent for a bare value, which is all that a plain `set` stores. */
  readonly meta: EntryMeta | undefined;
}

/** U+0001 begins no JSON, and no MessagePack that the codec writes; a `raw` value that begins so is sealed itself. */
const MAGIC = '\u0001ik1';
const MAGIC_BYTES = Buffer.from(MAGIC);
const END = '\n';
const END_BYTE = END.charCodeAt(0);

function isMarked(data: Encoded): boolean {
  if (typeof data === 'string') return data.startsWith(MAGIC);
  return data[0] === MAGIC_BYTES[0] && MAGIC_BYTES.equals(data.subarray(0, MAGIC_BYTES.length));
}

/** Puts what is to be kept before the value, in one line. A bare value stays as it is unless it looks like a sealed one. */
export function sealEntry(payload: Encoded, meta?: EntryMeta): Encoded {
  const { staleMs, loadMs, tags } = meta ?? {};
  const bare = staleMs === undefined && loadMs === undefined && tags === undefined;
  if (bare && !isMarked(payload)) return payload;
  const head = `${MAGIC}${JSON.stringify({ s: staleMs, d: loadMs, t: tags })}${END}`;
  return typeof payload === 'string' ? head + payload : Buffer.concat([Buffer.from(head), payload]);
}

/** Takes apart what `sealEntry` made; whatever it cannot have made is a bare value. */
export function openEntry(data: Encoded): StoredEntry {
  if (!isMarked(data)) return { payload: data, meta: undefined };
  const end = typeof data === 'string' ? data.indexOf(END) : data.indexOf(END_BYTE);
  const line = typeof data === 'string' ? data.slice(0, end) : data.toString('utf8', 0, end);
  const meta = end < 0 ? undefined : headOf(line.slice(MAGIC.length));
  if (meta === undefined) return { payload: data, meta };
  return { payload: typeof data === 'string' ? data.slice(end + 1) : data.subarray(end + 1), meta };
}

/** The same of what may be nothing. */
export function metaOf(data: Encoded | undefined): EntryMeta | undefined {
  return data === undefined ? undefined : openEntry(data).meta;
}

/** A stored value with more kept beside it. */
export function markedEntry(data: Encoded, more: EntryMeta): Encoded {
  const { payload, meta } = openEntry(data);
  return sealEntry(payload, { ...meta, ...more });
}

/** The stored line with what is kept beside a value, its end included; '' where there is none. */
export function headText(data: Encoded | undefined): string {
  if (data === undefined || metaOf(data) === undefined) return '';
  return typeof data === 'string'
    ? data.slice(0, data.indexOf(END) + 1)
    : data.toString('utf8', 0, data.indexOf(END_BYTE) + 1);
}

/** Whether the start of a stored value begins such a line and does not hold its end. */
export const isCut = (start: Encoded | undefined): boolean =>
  start !== undefined && isMarked(start) && !start.includes(END);

function headOf(text: string): EntryMeta | undefined {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof head !== 'object' || head === null) return undefined;
  const { s: staleMs, d: loadMs, t: tags } = head as Readonly<Record<string, unknown>>;
  if (!isOptionalMs(staleMs) || !isOptionalMs(loadMs) || !areTags(tags)) return undefined;
  return { staleMs, loadMs, tags };
}

const isOptionalMs = (value: unknown): value is number | undefined =>
  value === undefined || (typeof value === 'number' && value >= 0);

const areTags = (value: unknown): value is Readonly<Record<string, string>> | undefined =>
  value === undefined ||
  (typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((version) => typeof version === 'string'));
