/** A key as a list shows it. `revision` is that of its last change. */
export interface ListedKey {
  readonly key: string;
  readonly value: string;
  readonly revision: bigint;
}

/** All keys of a range at one revision. */
export interface Listing {
  readonly entries: readonly ListedKey[];
  readonly revision: bigint;
}

/** One change of one key; a delete has no value. */
export type KeyChange =
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly revision: bigint }
  | { readonly type: 'delete'; readonly key: string; readonly revision: bigint };

/** What somebody knows of a range: each key with the revision of its last change. */
export type KnownKeys = ReadonlyMap<string, bigint>;

/**
 * What has to be told to somebody who knows `known` so that they know `listing`: puts in ascending revision, then
 * deletions, which carry the list's own revision, since nobody can say any more when they happened.
 */
export function differenceTo(known: KnownKeys, { entries, revision }: Listing): KeyChange[] {
  const present = new Set(entries.map(({ key }) => key));
  const puts = entries
    .filter((entry) => entry.revision > (known.get(entry.key) ?? 0n))
    .toSorted((a, b) => (a.revision < b.revision ? -1 : a.revision > b.revision ? 1 : 0))
    .map((entry) => ({ type: 'put' as const, ...entry }));
  const deletes = [...known.keys()]
    .filter((key) => !present.has(key))
    .map((key) => ({ type: 'delete' as const, key, revision }));
  return [...puts, ...deletes];
}
