import { v7 } from 'uuid';

/** A new id: UUIDv7 (RFC 9562), ordered by time. */
export function newId(): string {
  return v7();
}
