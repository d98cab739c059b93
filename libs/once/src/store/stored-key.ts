import { createHash } from 'node:crypto';

const LONGEST_SCOPE = 200;

/** Character by character, so that the beginning of a key stays the beginning of what it becomes. */
const escaped = (text: string): string =>
  text.replace(/[%:{}]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);

/** A long scope by its hash: `%h` is no escape, so it meets no other scope. */
function scopePart(scope: string): string {
  const text = escaped(scope);
  if (text.length <= LONGEST_SCOPE) return text;
  return `%h${createHash('sha256').update(scope).digest('base64url')}`;
}

/** All keys of a scope that begin so, as the store knows them. The braces keep a key and its counter in one slot of a cluster. */
export function storedPrefix(keyPrefix: string, service: string, scope: string, prefix: string): string {
  return `${keyPrefix}{${escaped(service)}:${scopePart(scope)}:${escaped(prefix)}`;
}

/** The key as the store knows it: what two services or scopes call alike is not alike here. */
export function storedKey(keyPrefix: string, service: string, scope: string, key: string): string {
  return `${storedPrefix(keyPrefix, service, scope, key)}}`;
}

/** Where the last fence of a key stands: beside it, for it outlives it. */
export const counterOf = (stored: string): string => `${stored}#`;

export const isStoredKey = (stored: string): boolean => stored.endsWith('}');
