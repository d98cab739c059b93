/** A configuration document at a revision; revisions of one path only rise. */
export interface ConfigDocument {
  readonly path: string;
  readonly revision: bigint;
  readonly value: unknown;
}

/** What became of a document that was offered to a component. */
export interface ConfigOutcome {
  readonly revision: bigint;
  readonly status: 'applied' | 'refused';
  /** Why it was refused: every bad field. */
  readonly errors: readonly string[];
  /** Structural fields whose change waits for a restart. */
  readonly restartRequired: readonly string[];
}

/** Where documents come from while the service runs: coord's configuration centre, or a file. */
export abstract class ConfigSource {
  abstract load(path: string): Promise<ConfigDocument | undefined>;
  /** First the present document, if there is one, then each newer one; ends when `signal` aborts. */
  abstract watch(path: string, signal: AbortSignal): AsyncIterable<ConfigDocument>;
  /** Told of each document that was applied, before the next one is asked for: a source that keeps the last good one does so here. */
  keep?(document: ConfigDocument): Promise<void>;
  /** Writes back what became of a document, for whoever pushed it. A source that cannot leaves it out. */
  report?(path: string, instance: string, outcome: ConfigOutcome): Promise<void>;
}
