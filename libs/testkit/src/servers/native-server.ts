import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allDead, familyOf, killFamily, pauseFamily, resumeFamily } from '../process/family.js';
import { freePort } from '../process/free-port.js';
import { listens } from '../process/listening.js';
import { until } from '../process/poll.js';
import { isAlive, signal } from '../process/processes.js';
import {
  forgetProcess,
  knownProcess,
  livingRoots,
  newServerFolder,
  type ProcessRecord,
  recordProcess,
  releaseFolder,
} from '../process/run-folder.js';
import { giveTo } from '../testbed/unprivileged.js';
import type { LaunchOptions, RunningServer, ServerKind } from './running-server.js';
import type { NativeProgram, ServerPlace, ServerRecipe } from './server-recipe.js';

const STOP_GRACE_MS = 5_000;
const START_ATTEMPTS = 3;
const LOG_TAIL = 2_000;
const RESTART_PATIENCE_MS = 10_000;
const RESTART_PAUSE_MS = 200;
const LOOK_EVERY_MS = 10;
/** Looking for a launcher's child is a look at every process. */
const LOOK_FOR_CHILD_EVERY_MS = 100;

/** A server of this machine in a process group of its own, on a free port, with its data in a temporary folder. */
export class NativeServer implements RunningServer {
  readonly source = 'native';
  readonly host = '127.0.0.1';
  readonly kind: ServerKind;
  readonly port: number;
  readonly url: string;
  readonly #recipe: ServerRecipe;
  readonly #program: NativeProgram;
  readonly #place: ServerPlace;
  readonly #command: readonly [string, ...string[]];
  #record: ProcessRecord | undefined;

  private constructor(
    recipe: ServerRecipe,
    program: NativeProgram,
    place: ServerPlace,
    args: readonly string[],
  ) {
    this.kind = recipe.kind;
    this.port = place.port;
    this.url = recipe.url(this.host, place.port);
    this.#recipe = recipe;
    this.#program = program;
    this.#place = place;
    this.#command = [...program.command(place), ...args];
  }

  static async launch(
    recipe: ServerRecipe,
    program: NativeProgram,
    { args = [], advertisedPort, secure }: LaunchOptions = {},
  ): Promise<NativeServer> {
    await program.warmUp?.();
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const place = {
        port,
        peerPort: await freePort(),
        innerPort: await freePort(),
        advertisedPort: advertisedPort ?? port,
        folder: newServerFolder(recipe.kind),
        secure,
      };
      const server = new NativeServer(recipe, program, place, args);
      try {
        await program.prepare?.(place);
        giveTo(program.user, place.folder);
        await server.#start();
        return server;
      } catch (error) {
        await server.stop();
        // a port that was free may be taken by now: draw again
        if (attempt === START_ATTEMPTS || !/address already in use/i.test(String(error))) throw error;
      }
    }
  }

  /** For members of its cluster. */
  get peerPort(): number {
    return this.#place.peerPort;
  }

  get version(): string | undefined {
    return this.#program.version;
  }

  get pid(): number | undefined {
    return this.#record?.child?.pid ?? this.#record?.pid;
  }

  async stop(): Promise<void> {
    await this.#end();
    releaseFolder(this.#place.folder);
  }

  async kill(): Promise<void> {
    await this.#gone(killFamily(this.#roots()));
  }

  async pause(): Promise<void> {
    await pauseFamily(this.#livingRoots('pause'));
  }

  async resume(): Promise<void> {
    await resumeFamily(this.#livingRoots('resume'));
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.#startAgain();
  }

  /** A port that was just given up may be held for a moment: by a probe of another test, or a socket that lingers. */
  async #startAgain(): Promise<void> {
    const patience = performance.now() + RESTART_PATIENCE_MS;
    for (;;) {
      try {
        return await this.#start();
      } catch (error) {
        if (!/in use/i.test(String(error)) || performance.now() > patience) throw error;
        await sleep(RESTART_PAUSE_MS);
      }
    }
  }

  async #start(): Promise<void> {
    const child = this.#spawn();
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    child.unref();
    const ended = (): boolean => failure !== undefined || child.pid === undefined || !isAlive(child.pid);
    const everyMs = this.#program.launcher === true ? LOOK_FOR_CHILD_EVERY_MS : LOOK_EVERY_MS;
    this.#note(child.pid);
    const outcome = await until(
      `${this.kind} answers on port ${this.port}`,
      async () => {
        this.#note(child.pid);
        if (ended()) return 'ended';
        const answers = await this.#recipe.isReady(this.url);
        return answers && listens(familyOf(this.#roots()), this.port) && 'ready';
      },
      { deadlineMs: this.#recipe.startTimeoutMs, everyMs },
    ).catch((error: unknown) => error as Error);
    if (outcome !== 'ready' || ended())
      throw new Error(`${this.#command[0]} did not start on port ${this.port}\n${this.#logTail()}`, {
        cause: failure ?? outcome,
      });
  }

  #spawn(): ChildProcess {
    const [binary, ...args] = this.#command;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(binary, args, {
      cwd: this.#place.folder,
      env: { ...process.env, ...this.#program.env?.(this.#place) },
      detached: true,
      stdio: ['ignore', log, log],
      ...this.#program.user,
    });
    closeSync(log);
    return child;
  }

  /** Records who the server is: anew when a launcher's child has appeared. */
  #note(pid: number | undefined): void {
    const spawned = pid === undefined ? undefined : knownProcess(pid);
    if (spawned === undefined) return;
    const served = this.#program.launcher === true ? familyOf([spawned.pid]).at(-1) : undefined;
    const child = served === undefined || served === spawned.pid ? undefined : knownProcess(served);
    if (this.#record?.pid === spawned.pid && this.#record.child?.pid === child?.pid) return;
    this.#record = { kind: this.kind, ...spawned, child };
    recordProcess(this.#place.folder, this.#record);
  }

  async #end(): Promise<void> {
    const roots = this.#roots();
    const [leader] = roots;
    if (leader === undefined) return this.#gone([]);
    const family = familyOf(roots);
    signal(leader, this.#program.endSignal ?? 'SIGTERM');
    for (const pid of family) signal(pid, 'SIGCONT'); // a paused process takes no SIGTERM
    const gone = (): boolean => !family.some(isAlive);
    const ended = until(`${this.kind} ${leader} ends`, gone, { deadlineMs: STOP_GRACE_MS });
    await this.#gone(
      await ended.then(
        () => [],
        () => killFamily(this.#roots()),
      ),
    );
  }

  /** Resolves once the killed are dead, and forgets them. */
  async #gone(killed: readonly number[]): Promise<void> {
    await allDead(`${this.kind} ${killed.join(', ')} ends after SIGKILL`, killed);
    this.#record = undefined;
    forgetProcess(this.#place.folder);
  }

  #roots(): readonly number[] {
    return this.#record === undefined ? [] : livingRoots(this.#record);
  }

  #livingRoots(verb: string): readonly number[] {
    const roots = this.#roots();
    if (roots.length === 0)
      throw new Error(
        `cannot ${verb} ${this.kind} on port ${this.port}: it is not running; call restart() first`,
      );
    return roots;
  }

  get #logFile(): string {
    return join(this.#place.folder, 'server.log');
  }

  #logTail(): string {
    try {
      return readFileSync(this.#logFile, 'utf8').slice(-LOG_TAIL);
    } catch {
      return '';
    }
  }
}
