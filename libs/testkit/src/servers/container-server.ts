import type { StartedTestContainer } from 'testcontainers';
import { freePort } from '../process/free-port.js';
import { until } from '../process/poll.js';
import type { LaunchOptions, RunningServer, ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

/** The part of the engine's container handle that faults need. */
interface EngineContainer {
  kill(options: { signal: string }): Promise<unknown>;
  /** Also starts one that has ended. */
  restart(): Promise<unknown>;
  pause(): Promise<unknown>;
  unpause(): Promise<unknown>;
  inspect(): Promise<{ State: { Running: boolean; Paused: boolean } }>;
}

/**
 * A server in a container, on a fixed port of the host, so that it comes back where it was.
 * testcontainers is loaded only here; its reaper removes the container when the runner dies.
 */
export class ContainerServer implements RunningServer {
  readonly source = 'container';
  readonly pid = undefined;
  readonly kind: ServerKind;
  readonly url: string;
  readonly version: string;
  readonly #recipe: ServerRecipe;
  readonly #started: StartedTestContainer;
  readonly #engine: EngineContainer;

  private constructor(
    recipe: ServerRecipe,
    readonly port: number,
    readonly host: string,
    container: { readonly started: StartedTestContainer; readonly engine: EngineContainer },
  ) {
    this.kind = recipe.kind;
    this.url = recipe.url(host, port);
    this.version = recipe.container.image;
    this.#recipe = recipe;
    this.#started = container.started;
    this.#engine = container.engine;
  }

  static async launch(recipe: ServerRecipe, options: LaunchOptions): Promise<ContainerServer> {
    const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
    const { image, port: containerPort, command } = recipe.container;
    const { args = [], advertisedPort, secure } = options;
    if (secure !== undefined) throw new Error(`${recipe.kind} in a container has no secure listener`);
    if (command === undefined && args.length > 0)
      throw new Error(`${recipe.kind} in a container takes no further arguments`);
    const port = await freePort();
    const container = new GenericContainer(image)
      .withEnvironment(recipe.container.env?.(advertisedPort ?? port) ?? {})
      .withExposedPorts({ container: containerPort, host: port })
      // none: its own strategies want a shell in the image, and the recipe knows better what ready means
      .withWaitStrategy(Wait.forAll([]));
    const started = await (
      command === undefined ? container : container.withCommand([...command, ...args])
    ).start();
    const client = await getContainerRuntimeClient();
    const engine = client.container.getById(started.getId());
    const server = new ContainerServer(recipe, port, started.getHost(), { started, engine });
    await server.#ready().catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return server;
  }

  async stop(): Promise<void> {
    if (await this.#is('Paused')) await this.#engine.unpause();
    await this.#started.stop();
  }

  async kill(): Promise<void> {
    if (await this.#is('Paused')) await this.#engine.unpause();
    if (await this.#is('Running')) await this.#engine.kill({ signal: 'SIGKILL' });
    await until(`${this.kind} ends`, async () => !(await this.#is('Running')));
  }

  async pause(): Promise<void> {
    await this.#engine.pause();
  }

  async resume(): Promise<void> {
    await this.#engine.unpause();
  }

  async restart(): Promise<void> {
    if (await this.#is('Paused')) await this.#engine.unpause();
    await this.#engine.restart();
    await this.#ready();
  }

  /** The engine forgets a container that was stopped: unknown counts as not running. */
  #is(state: 'Running' | 'Paused'): Promise<boolean> {
    return this.#engine.inspect().then(
      ({ State }) => State[state],
      () => false,
    );
  }

  async #ready(): Promise<void> {
    await until(`${this.kind} answers on port ${this.port}`, () => this.#recipe.isReady(this.url), {
      deadlineMs: this.#recipe.startTimeoutMs,
    });
  }
}
