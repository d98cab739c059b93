import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ClogLogger, Clock, ResourceStack } from 'infra-kit';
import { OrdersService } from './orders.service.js';
import { SalesService } from './sales.service.js';

const EVERY_MS = 2000;

/** Files what was sold and has no order yet. Every instance looks; two that meet do the same twice, which is once. */
@Injectable()
export class FilingService implements OnApplicationBootstrap {
  #round: Promise<void> | undefined;

  constructor(
    private readonly sales: SalesService,
    private readonly orders: OrdersService,
    private readonly clock: Clock,
    private readonly stack: ResourceStack,
    private readonly logger: ClogLogger,
  ) {}

  onApplicationBootstrap(): void {
    const timer = this.clock.setInterval(() => this.#look(), EVERY_MS);
    timer.unref();
    this.stack.push({ name: 'filing', phase: 'intake', close: () => timer[Symbol.dispose]() });
    this.stack.push({ name: 'filing under way', phase: 'drain', close: () => this.#round });
  }

  #look(): void {
    this.#round ??= this.#file()
      .catch((error: unknown) => this.logger.warn('sales could not be looked through', { err: error }))
      .finally(() => (this.#round = undefined));
  }

  async #file(): Promise<void> {
    for (const sale of await this.sales.unfiled()) await this.orders.complete(sale);
  }
}
