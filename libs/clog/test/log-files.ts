import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export type Line = Readonly<Record<string, unknown>>;

/** The lines of a file, packed or not; throws when one is torn. */
export function linesOf(path: string): Line[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  if (text !== '' && !text.endsWith('\n')) throw new Error(`${path} ends inside a line`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** A folder of its own, removed with everything in it. */
export class LogFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'clog-'));

  file(name = 'app.log'): string {
    return join(this.path, name);
  }

  /** Names, without locks. */
  names(): string[] {
    return readdirSync(this.path)
      .filter((name) => !name.includes('.lock'))
      .toSorted();
  }

  lines(name = 'app.log'): Line[] {
    return linesOf(this.file(name));
  }

  /** Of all files together: backups in their order, then the present one. */
  allLines(): Line[] {
    const names = this.names().filter((name) => !name.endsWith('.tmp'));
    const backups = names.filter((name) => /\.\d{6}(\.gz)?$/.test(name));
    const rest = names.filter((name) => !backups.includes(name));
    return [...backups, ...rest].flatMap((name) => this.lines(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
