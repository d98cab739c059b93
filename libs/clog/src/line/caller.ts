import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Frames that pass a call on: this package, the kernel's switch, Nest's logger. */
const OWN_FRAMES = dirname(import.meta.dirname);
const PASSING =
  /[\\/](switchable-logger|nest-logger|logger\.service)\.[jt]s$|[\\/](nestjs-pino|pino|pino-http)[\\/]/;
const MAX_FRAMES = 16;
const PLACE = /\(?([^()\s]+):(\d+):\d+\)?$/;

function stackHere(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = MAX_FRAMES;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, stackHere);
  Error.stackTraceLimit = stackTraceLimit;
  return holder.stack ?? '';
}

/** `file:line` of whoever called the logger, relative to `rootPath` when it lies below it. Costs more than the line. */
export function callerPlace(rootPath: string): string | undefined {
  for (const frame of stackHere().split('\n')) {
    const [, place, line] = PLACE.exec(frame.trim()) ?? [];
    if (place === undefined || line === undefined || place.startsWith('node:')) continue;
    const file = place.startsWith('file:') ? fileURLToPath(place) : place;
    if (file.startsWith(OWN_FRAMES) || PASSING.test(file)) continue;
    const short = relative(rootPath, file);
    return `${short.startsWith('..') ? file : short}:${line}`;
  }
  return undefined;
}
