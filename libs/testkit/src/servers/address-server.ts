import { until } from '../process/poll.js';
import { placeOf, splitAddresses } from './address.js';
import type { RunningServer, ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

const ANSWER_WITHIN_MS = 3_000;

/** A server somebody else runs: it can be used, and not be hurt. */
export class AddressServer implements RunningServer {
  readonly source = 'address';
  readonly pid = undefined;
  readonly version = undefined;
  readonly kind: ServerKind;
  readonly host: string;
  readonly port: number;
  readonly #variable: string;

  private constructor(
    recipe: ServerRecipe,
    /** As it was given: for etcd perhaps several, divided by commas. */
    readonly url: string,
  ) {
    const { host, port } = placeOf(firstOf(url), recipe.container.port);
    this.kind = recipe.kind;
    this.host = host;
    this.port = port;
    this.#variable = recipe.variable;
  }

  /** Rejects when nothing answers there: an address that was given is never replaced by another server silently. */
  static async connect(recipe: ServerRecipe, url: string): Promise<AddressServer> {
    await until(
      `${recipe.kind} answers at the address in ${recipe.variable}`,
      () => recipe.isReady(firstOf(url)),
      {
        deadlineMs: ANSWER_WITHIN_MS,
        everyMs: 100,
      },
    );
    return new AddressServer(recipe, url);
  }

  async stop(): Promise<void> {}
  kill = (): Promise<void> => this.#refuse('kill');
  pause = (): Promise<void> => this.#refuse('pause');
  resume = (): Promise<void> => this.#refuse('resume');
  restart = (): Promise<void> => this.#refuse('restart');

  #refuse(verb: string): Promise<never> {
    return Promise.reject(
      new Error(
        `cannot ${verb} ${this.kind}: it came as an address in ${this.#variable}; launch one instead`,
      ),
    );
  }
}

/** One that answers stands for all. */
function firstOf(url: string): string {
  return splitAddresses(url)[0] ?? url;
}
