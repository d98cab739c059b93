import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort } from '../process/free-port.js';
import { until } from '../process/poll.js';
import { commandOf, isAlive, signalGroup, stateOf } from '../process/processes.js';
import { forgetProcess, newServerFolder, recordProcess, releaseFolder } from '../process/run-folder.js';
import type { LaunchOptions, RunningServer, ServerKind } from './running-server.js';
import type { ServerPlace, ServerRecipe } from './server-recipe.js';

const STOP_GRACE_MS = 5_000;
const START_ATTEMPTS = 3;
const LOG_TAIL = 2_000;

/** The full path of the recipe's binary, on PATH first; undefined when this machine has none. */
export function findBinary(recipe: ServerRecipe): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...recipe.native.folders];
  return folders
    .map((folder) => join(folder, recipe.native.binary))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A server of this machine in a process group of its own, on a free port, with its data in a temporary folder. */
export class NativeServer implements RunningServer {
  readonly source = 'native';
  readonly host = '127.0.0.1';
  readonly kind: ServerKind;
  readonly port: number;
  readonly url: string;
  readonly #recipe: ServerRecipe;
  readonly #place: ServerPlace;
  readonly #command: readonly [string, ...string[]];
  #child: ChildProcess | undefined;

  private constructor(recipe: ServerRecipe, binary: string, place: ServerPlace, options: LaunchOptions) {
    this.kind = recipe.kind;
    this.port = place.port;
    this.url = recipe.url(this.host, place.port);
    this.#recipe = recipe;
    this.#place = place;
    this.#command = [binary, ...recipe.native.args(place), ...(options.args ?? [])];
  }

  static async launch(recipe: ServerRecipe, binary: string, options: LaunchOptions): Promise<NativeServer> {
    for (let attempt = 1; ; attempt++) {
      const place = {
        port: await freePort(),
        peerPort: await freePort(),
        folder: newServerFolder(recipe.kind),
      };
      const server = new NativeServer(recipe, binary, place, options);
      try {
        await server.#start();
        return server;
      } catch (error) {
        await server.stop();
        // a port that was free may be taken by now: draw again
        if (attempt === START_ATTEMPTS || !/address already in use/i.test(String(error))) throw error;
      }
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    releaseFolder(this.#place.folder);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async pause(): Promise<void> {
    const pid = this.#livingPid('pause');
    signalGroup(pid, 'SIGSTOP');
    await until(`${this.kind} ${pid} is stopped`, () => stateOf(pid) === 'T');
  }

  async resume(): Promise<void> {
    const pid = this.#livingPid('resume');
    signalGroup(pid, 'SIGCONT');
    await until(`${this.kind} ${pid} runs`, () => stateOf(pid) !== 'T');
  }

  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.#start();
  }

  async #start(): Promise<void> {
    const [binary, ...args] = this.#command;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(binary, args, {
      cwd: this.#place.folder,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    child.unref();
    this.#child = child;
    this.#record();
    const ended = (): boolean => failure !== undefined || child.pid === undefined || !isAlive(child.pid);
    const outcome = await until(
      `${this.kind} answers on port ${this.port}`,
      async () => (ended() ? 'ended' : (await this.#recipe.isReady(this.url)) && 'ready'),
      { deadlineMs: this.#recipe.startTimeoutMs },
    ).catch((error: unknown) => error as Error);
    if (outcome !== 'ready' || ended())
      throw new Error(`${binary} did not start on port ${this.port}\n${this.#logTail()}`, {
        cause: failure ?? outcome,
      });
    this.#record(); // a start script may have replaced itself by the server
  }

  #record(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    const command = commandOf(pid) ?? this.#command.join(' ');
    recordProcess(this.#place.folder, { kind: this.kind, pid, command });
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const pid = this.#child?.pid;
    this.#child = undefined;
    if (pid === undefined) return;
    if (isAlive(pid)) {
      signalGroup(pid, signal);
      signalGroup(pid, 'SIGCONT'); // a paused process takes no SIGTERM
      const gone = (): boolean => !isAlive(pid);
      await until(`${this.kind} ${pid} ends`, gone, { deadlineMs: STOP_GRACE_MS }).catch(() =>
        signalGroup(pid, 'SIGKILL'),
      );
      await until(`${this.kind} ${pid} ends after SIGKILL`, gone);
    }
    forgetProcess(this.#place.folder);
  }

  #livingPid(verb: string): number {
    const pid = this.#child?.pid;
    if (pid === undefined || !isAlive(pid))
      throw new Error(
        `cannot ${verb} ${this.kind} on port ${this.port}: it is not running; call restart() first`,
      );
    return pid;
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
