import type { EsProvider, IndexDefinition } from 'infra-kit';

interface Filling<T> {
  /** Its name, also in the definition. */
  readonly index: string;
  readonly definition: IndexDefinition;
  /** What belongs in it while it is empty. */
  readonly documents: () => Promise<readonly T[]>;
  readonly id: (document: T) => string;
}

/** An index that is made, and filled when it is empty, at its first use: a cluster that is away stops no start. */
export class FilledIndex<T extends object> {
  #ready: Promise<void> | undefined;

  constructor(
    private readonly es: EsProvider,
    private readonly filling: Filling<T>,
  ) {}

  /** Resolves when the index can be searched and written. Instances that fill it together write the same. */
  ready(): Promise<void> {
    this.#ready ??= this.#fill().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #fill(): Promise<void> {
    const { index, definition, documents, id } = this.filling;
    await this.es.indices.ensure(definition);
    if ((await this.es.search(index, { size: 0 })).total > 0) return;
    const { failed } = await this.es.bulkIndex(index, await documents(), { id });
    if (failed[0] !== undefined) throw new Error(`${index} could not be filled: ${failed[0].reason}`);
    await this.es.indices.refresh(index);
  }
}
