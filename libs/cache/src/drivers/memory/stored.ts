import { InfraError } from '@infra-kit/kernel';
import type { Encoded } from '../cache-driver.js';
import type { LruStore } from './lru-store.js';
import { SortedMembers } from './sorted-members.js';

/** Members are compared by their bytes, so they are kept as texts of one byte a character. */
export const toBytes = (member: Encoded): string =>
  (typeof member === 'string' ? Buffer.from(member) : member).toString('latin1');
export const fromBytes = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');

export class HashFields extends Map<string, Encoded> {}
export class SetMembers extends Set<string> {}

type Structure = HashFields | SetMembers | SortedMembers;
/** What an entry of the memory store is: a plain value, or a structure. */
export type Stored = Encoded | Structure;

const isPlain = (value: Stored): value is Encoded => typeof value === 'string' || Buffer.isBuffer(value);

/** As Redis' WRONGTYPE. */
function wrongKind(): InfraError {
  return new InfraError('FAILED_PRECONDITION', 'the entry is of another kind than this call is for');
}

/** The plain value of an entry; refuses another kind. */
export function plain(value: Stored): Encoded {
  if (!isPlain(value)) throw wrongKind();
  return value;
}

export const plainOrNothing = (value: Stored | undefined): Encoded | undefined =>
  value === undefined || !isPlain(value) ? undefined : value;

/** The entries of one kind: made by their first item, gone with their last. */
export class Structures<S extends Structure> {
  readonly #store: LruStore<Stored>;
  readonly #kind: new () => S;

  constructor(store: LruStore<Stored>, kind: new () => S) {
    this.#store = store;
    this.#kind = kind;
  }

  find(key: string): S | undefined {
    const value = this.#store.touch(key)?.value;
    if (value === undefined || value instanceof this.#kind) return value;
    throw wrongKind();
  }

  /** Lets `edit` work on what is there, or on an empty one. When `edit` throws it must have changed nothing. */
  change<T>(key: string, edit: (structure: S) => T): T {
    const present = this.find(key);
    const structure = present ?? new this.#kind();
    const result = edit(structure);
    if (structure.size === 0) this.#store.delete(key);
    else if (present === undefined) this.#store.put(key, structure, Infinity);
    return result;
  }
}
