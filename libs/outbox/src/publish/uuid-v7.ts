import { randomUUID } from 'node:crypto';

/** UUID version 7 (RFC 9562, 5.7): 48 bits of epoch milliseconds, then random bits. */
export function uuidV7(nowMs: number): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
