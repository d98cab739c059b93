import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { errorFrom, errorText } from './kept-error.js';

/** What the store keeps: a letter, then what it says. */
const VALUE = 'v';
const UNDEFINED = 'u';
const ERROR = 'e';
const GONE = 'g';

/** How a run ended, as its caller is told and as it is kept. */
export interface Encoded<T> {
  readonly text: string;
  /** As JSON gives it back; a stream as it is. */
  readonly value: T;
  /** Whether a replay will have it. */
  readonly kept: boolean;
  /** Why the value cannot be told to anybody. */
  readonly failure?: unknown;
}

export type Decoded =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: Error }
  | { readonly kind: 'gone' };

export function isStream(value: unknown): boolean {
  return value instanceof Readable || value instanceof StreamableFile || value instanceof ReadableStream;
}

/** A result over `maxBytes`, a stream, and what JSON cannot write are kept as the mark that it happened. */
export function encodeResult<T>(value: T, maxBytes: number): Encoded<T> {
  if (isStream(value)) return { text: GONE, value, kept: false };
  let text: string | undefined;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (failure) {
    return { text: GONE, value, kept: false, failure };
  }
  if (text === undefined) return { text: UNDEFINED, value: undefined as T, kept: true };
  const again = JSON.parse(text) as T;
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes)
    return { text: GONE, value: again, kept: false };
  return { text: VALUE + text, value: again, kept: true };
}

export const encodeError = (error: unknown): string => ERROR + errorText(error);

export function decodeResult(text: string): Decoded {
  const rest = text.slice(1);
  if (text.startsWith(VALUE)) return { kind: 'value', value: JSON.parse(rest) };
  if (text.startsWith(ERROR)) return { kind: 'error', error: errorFrom(rest) };
  return text.startsWith(GONE) ? { kind: 'gone' } : { kind: 'value', value: undefined };
}
