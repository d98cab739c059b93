import type { User } from '../testbed/unprivileged.js';
import type { ServerKind } from './running-server.js';
import type { SecureListener } from './secure-listener.js';

/** Where a server is about to listen, on 127.0.0.1. All ports are free ones. */
export interface ServerPlace {
  readonly port: number;
  /** For servers that talk to members of their cluster. */
  readonly peerPort: number;
  /** For servers that talk to themselves. */
  readonly innerPort: number;
  /** The port that clients are sent to by the server itself (Kafka): its own, or that of a proxy before it. */
  readonly advertisedPort: number;
  /** An own folder; it keeps the data over a restart. */
  readonly folder: string;
  /** Kafka listens here as well, in TLS, to clients that say who they are. */
  readonly secure?: SecureListener | undefined;
}

/** One way to run a server on this machine, whose files are all there. */
export interface NativeProgram {
  /** What it is, for people, e.g. 'elasticsearch 9.5.3'. */
  readonly version?: string | undefined;
  /** Whom it is started as, when the runner must not start it as itself. */
  readonly user?: User | undefined;
  /** How it is asked to end. Default SIGTERM. */
  readonly endSignal?: NodeJS.Signals | undefined;
  /** Whether what is spawned starts the server as its child and stays. */
  readonly launcher?: boolean | undefined;
  /**
   * The full path of what is spawned, and its arguments. The same for the same place: restart() uses it again.
   */
  command(place: ServerPlace): readonly [string, ...string[]];
  env?(place: ServerPlace): Readonly<Record<string, string>>;
  /** Makes once and keeps what every start on this machine takes from: see template(). */
  warmUp?(): Promise<void>;
  /** Fills the folder, before the first start there. */
  prepare?(place: ServerPlace): Promise<void>;
}

interface NativeRecipe {
  /** Undefined when this machine does not have it. Starts nothing. */
  find(): NativeProgram | undefined;
  /** What is missing when find() finds nothing, e.g. 'there is no redis-server on PATH'. */
  readonly missing: string;
}

interface ContainerRecipe {
  readonly image: string;
  /** Where the server listens inside. */
  readonly port: number;
  /** The command line that LaunchOptions.args are added to; without it the image's own, and there are no further arguments. */
  readonly command?: readonly string[] | undefined;
  /** `advertisedPort` is a port of the host. */
  env?(advertisedPort: number): Record<string, string>;
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
