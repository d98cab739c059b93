import type { ServerKind } from './running-server.js';

/** Where a server is about to listen. `peerPort` is a second free port, for servers that want one. */
export interface ServerPlace {
  readonly port: number;
  readonly peerPort: number;
  /** An own folder; it keeps the data over a restart. */
  readonly folder: string;
}

interface NativeRecipe {
  /** Names looked up on PATH, then in `folders`. */
  readonly binary: string;
  readonly folders: readonly string[];
  /**
   * The arguments. The command line must stay what was spawned (no title rewriting): the sweep knows a server by it.
   * Must be the same for the same place: restart() calls it again.
   */
  args(place: ServerPlace): readonly string[];
}

interface ContainerRecipe {
  readonly image: string;
  readonly port: number;
  readonly command: readonly string[];
}

/**
 * All that is particular to one server; a new server is one file that exports one of these, and a line in catalog.ts.
 */
export interface ServerRecipe {
  readonly kind: ServerKind;
  /** The environment variable that names a server which is already there. */
  readonly variable: string;
  /** How long a start may take, in milliseconds. */
  readonly startTimeoutMs: number;
  readonly native: NativeRecipe;
  readonly container: ContainerRecipe;
  url(host: string, port: number): string;
  /** True when the server at the url speaks its own protocol. Resolves within about a second, never rejects. */
  isReady(url: string): Promise<boolean>;
}
