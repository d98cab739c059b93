import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface TrafficResult {
  readonly code: number | null;
  readonly output: string;
  /** 'whole' or 'broken' and why: what a failing test then shows. */
  readonly verdict: string;
  /** The first number of a line of the report. */
  number(line: string): number;
}

/** A run that takes longer is ended, and its output shows where it stood. */
const LIMIT_MS = 280_000;

/** Starts the built `demo:traffic`, with an environment that names no server. */
export function startTraffic(...args: string[]): {
  /** The shelves are full, and the first orders are on their way. */
  readonly begun: Promise<void>;
  readonly result: Promise<TrafficResult>;
} {
  const { PATH = '', HOME = '' } = process.env;
  const main = join(import.meta.dirname, '../dist/traffic/main.js');
  const child = spawn(process.execPath, [main, ...args], { env: { PATH, HOME }, timeout: LIMIT_MS });
  const begun = Promise.withResolvers<void>();
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('the sale begins')) begun.resolve();
    });
  const number = (line: string): number =>
    Number(new RegExp(`^${line} +(\\d+)`, 'm').exec(output)?.[1] ?? Number.NaN);
  const result = new Promise<TrafficResult>((resolve) =>
    child.once('close', (code) => {
      begun.reject(new Error(output));
      const verdict = `${code === 0 ? 'whole' : `broken (${code})`}\n${output}`;
      resolve({ code, output, verdict, number });
    }),
  );
  begun.promise.catch(() => undefined);
  return { begun: begun.promise, result };
}

export const runTraffic = (...args: string[]): Promise<TrafficResult> => startTraffic(...args).result;
