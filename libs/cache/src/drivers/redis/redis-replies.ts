import type { Redis } from 'ioredis';
import type { DriverCall } from '../cache-driver.js';

type Send = <A, T>(
  key: string,
  call: DriverCall,
  command: (client: Redis) => Promise<A>,
  read: (reply: A) => T,
) => Promise<T>;

/** Sends a command to the server that holds `key`; `read` makes the result of the reply. Rejects with raw errors. */
export interface RedisRoute {
  readonly read: Send;
  /** Writes of one key take effect in the order in which they are sent. */
  readonly write: Send;
}

export const asItIs = <T>(reply: T): T => reply;
export const orUndefined = <T>(reply: T | null): T | undefined => reply ?? undefined;
export const isWritten = (reply: unknown): boolean => reply !== null;
export const isOne = (reply: unknown): boolean => reply === 1;

/** A list of bulk strings, asked for as bytes. */
export function byteList(reply: unknown): Buffer[] {
  if (Array.isArray(reply) && reply.every((each) => Buffer.isBuffer(each))) return reply;
  throw new TypeError('Redis gave something else than a list of bytes');
}

/** A flat list that holds pairs. */
export function pairs(reply: unknown): (readonly [Buffer, Buffer])[] {
  const flat = byteList(reply);
  const found: (readonly [Buffer, Buffer])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [first, second] = [flat[at], flat[at + 1]];
    if (first && second) found.push([first, second]);
  }
  return found;
}

/** A score as Redis writes it: decimal, or inf, -inf. */
export function scoreOf(text: string | Buffer): number {
  const word = text.toString();
  return word.endsWith('inf') ? (word.startsWith('-') ? -Infinity : Infinity) : Number(word);
}

export const scoreText = (score: number): string =>
  Number.isFinite(score) ? String(score) : score > 0 ? '+inf' : '-inf';
