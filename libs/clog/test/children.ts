import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const FIXTURES = join(import.meta.dirname, 'fixtures');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of a test: what it says is kept, and it is killed when the test is done with it. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdout?.on('data', (chunk) => (this.#stdout += String(chunk)));
    this.process.stderr?.on('data', (chunk) => (this.#stderr += String(chunk)));
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }),
      );
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.ended;
  }
}

export const fixture = (name: string): string => join(FIXTURES, `${name}.mjs`);

/** Runs a fixture with its settings. */
export function child(name: string, settings: object): Child {
  return new Child(process.execPath, [fixture(name), JSON.stringify(settings)]);
}
