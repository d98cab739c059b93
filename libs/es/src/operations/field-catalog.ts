import type { CallOptions, Clock } from '@infra-kit/kernel';
import type { EsDriver } from '../drivers/es-driver.js';
import { esError, type EsPlace } from '../es.errors.js';
import type { CallRunner } from './call-runner.js';
import { Fields } from './fields.js';

/** A change of the mapping by another process is seen after this. */
const FRESH_MS = 30_000;
const MOST_KEPT = 1000;
const MAPPING = { name: 'mapping', repeatable: true };

interface Known {
  readonly fields: Fields;
  readonly readAt: number;
}

/** What fields indices have, so that a search knows text from keywords without asking each time. */
export class FieldCatalog {
  readonly #driver: EsDriver;
  readonly #runner: CallRunner;
  readonly #place: EsPlace;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(driver: EsDriver, runner: CallRunner, place: EsPlace, clock: Clock) {
    this.#driver = driver;
    this.#runner = runner;
    this.#place = place;
    this.#clock = clock;
  }

  /** NOT_FOUND when there is no such index; a pattern may stand for none. */
  async fieldsOf(index: string, options: CallOptions | undefined): Promise<Fields> {
    const known = this.#known.get(index);
    if (known && this.#clock.monotonic() - known.readAt < FRESH_MS) return known.fields;
    const readAt = this.#clock.monotonic();
    const states = await this.#runner.run(
      MAPPING,
      options,
      (call) => this.#driver.states(index, call),
      index,
    );
    if (states.length === 0 && !index.includes('*'))
      throw esError(this.#place, 'NOT_FOUND', `there is no index '${index}'`);
    const fields = new Fields(states.map(({ properties }) => properties));
    if (this.#known.size >= MOST_KEPT) this.#known.clear();
    if (states.length > 0) this.#known.set(index, { fields, readAt });
    return fields;
  }

  /** Indices or aliases have changed. */
  forget(): void {
    this.#known.clear();
  }

  /** A document is being written: one with fields that nobody knows yet adds them. */
  noteWrite(index: string, doc: object): void {
    if (this.#known.size === 0) return;
    const known = this.#known.get(index);
    if (known === undefined ? this.#hasOthers(index) : !known.fields.covers(doc)) this.forget();
  }

  /** Patterns, and the other names of an index, cannot be told apart here: they are read again. */
  #hasOthers(index: string): boolean {
    return [...this.#known.keys()].some(
      (name) => name.includes('*') || name.startsWith(index) || index.startsWith(name),
    );
  }
}
