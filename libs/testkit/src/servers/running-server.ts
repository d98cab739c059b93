import type { SecureListener } from './secure-listener.js';

/** The servers the suite knows; how each is launched: SERVERS in catalog.ts. */
export type ServerKind = 'redis' | 'etcd' | 'postgres' | 'kafka' | 'elasticsearch';

/** Where a server came from: given by its address, started in a container, started from a binary of this machine. */
export type ServerSource = 'address' | 'container' | 'native';

export interface ServerAddress {
  readonly kind: ServerKind;
  /** What a client connects to, e.g. redis://127.0.0.1:20123 or http://127.0.0.1:20124. May hold a password. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/**
 * A server that answers. Whoever launched it stops it.
 * Calls on one server are made one after another; each resolves once its effect can be seen.
 * A server that came as an address is not ours: kill, pause, resume and restart reject, stop does nothing.
 */
export interface RunningServer extends ServerAddress {
  readonly source: ServerSource;
  /** What it is, for people, as far as it is known without asking it: 'kafka_2.13 4.3.1, Java 25.0.3'. */
  readonly version: string | undefined;
  /** The process of a native server that serves (never a launcher's); undefined otherwise. Changes with restart(). */
  readonly pid: number | undefined;
  /** Ends it cleanly, by force after 5 s, and removes its data. Harmless when repeated. */
  stop(): Promise<void>;
  /** SIGKILL to all its processes: connections are reset, nothing is flushed; the data stays for restart(). */
  kill(): Promise<void>;
  /** SIGSTOP to all its processes: it still accepts connections (the kernel does) and answers nothing. */
  pause(): Promise<void>;
  /** SIGCONT to all: it goes on where it was; what was sent meanwhile is answered now. */
  resume(): Promise<void>;
  /** Stops it if it runs, and starts it again on the same port and data. */
  restart(): Promise<void>;
}

export interface LaunchOptions {
  /** Further arguments for the server's command line, e.g. ['--maxmemory', '8mb']. */
  readonly args?: readonly string[] | undefined;
  /**
   * Kafka sends its clients to this port of 127.0.0.1 instead of its own: a freePort() that a FaultProxy is then started
   * on. Clients are given the proxy's address, too. Other servers send nobody anywhere.
   */
  readonly advertisedPort?: number | undefined;
  /** Kafka, natively: a listener more. See launchSecureKafka(). */
  readonly secure?: SecureListener | undefined;
}
