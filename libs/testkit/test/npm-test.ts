import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runsRoot, SHAREABLE } from '@infra-kit/testkit';

export const ROOT = join(import.meta.dirname, '../../..');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts what `npm test -- …args` does after the build, with no server in its environment but those in `env`. */
export function startNpmTest(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const unset = Object.fromEntries(
    ['INFRA_TEST_REQUIRE', ...[...SHAREABLE.values()].map(({ variable }) => variable)].map((name) => [
      name,
      '',
    ]),
  );
  return spawn(process.execPath, [join(ROOT, 'tools/test.mjs'), ...args], {
    env: { ...process.env, ...unset, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The same, to its end. */
export async function npmTest(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = startNpmTest(args, env);
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [[code], out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

export function lastLine({ out }: Outcome): string | undefined {
  return out.trimEnd().split('\n').at(-1);
}

export interface OwnPlace {
  /** Where runs with TMPDIR in this environment keep their servers, and no others do. */
  readonly env: { readonly TMPDIR: string };
  /** The folders that runs have left there. */
  runs(): readonly string[];
  remove(): void;
}

/** A temporary folder for runs that are to meet each other and no other run of this machine. */
export function ownPlace(): OwnPlace {
  const folder = mkdtempSync(join(tmpdir(), 'infra-kit-place-'));
  chmodSync(folder, 0o711); // a server that is started as another user passes through
  const root = join(folder, basename(runsRoot()));
  return {
    env: { TMPDIR: folder },
    runs() {
      try {
        return readdirSync(root).map((run) => join(root, run));
      } catch {
        return [];
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
