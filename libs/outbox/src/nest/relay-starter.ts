import type { OnApplicationBootstrap } from '@nestjs/common';
import { DefaultOutboxProvider } from '../default-outbox.provider.js';
import type { OutboxProvider } from '../outbox.provider.js';

/** Starts the relay of an instance when every module is ready. */
export class RelayStarter implements OnApplicationBootstrap {
  readonly #outbox: OutboxProvider;

  constructor(outbox: OutboxProvider) {
    this.#outbox = outbox;
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.#outbox instanceof DefaultOutboxProvider && this.#outbox.relays) await this.#outbox.start();
  }
}
