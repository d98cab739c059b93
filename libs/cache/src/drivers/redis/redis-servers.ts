import type {
  DriverCall,
  DriverScanPage,
  DriverNotices,
  DriverState,
  DriverTracking,
} from '../cache-driver.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisRoute } from './redis-replies.js';
import type { Redis } from 'ioredis';

/** Where the driver's commands go: to one server, or to the masters of a cluster. */
export interface RedisServers extends RedisRoute {
  readonly native: unknown;
  readonly state: DriverState;
  readonly tracking: DriverTracking | undefined;
  readonly notices: DriverNotices;
  /** Rejects when a server cannot be reached, and leaves nothing open. */
  open(): Promise<void>;
  close(): Promise<void>;
  watch(listener: (state: DriverState, reason: unknown) => void): Disposable;
  tune(commandTimeoutMs: number): void;
  describe(): Readonly<Record<string, unknown>>;
  /** Keys in groups that one reading command may name together. */
  readGroups(keys: readonly string[]): readonly (readonly string[])[];
  /** Keys in groups that one writing command may name together. */
  writeGroups(keys: readonly string[]): readonly (readonly string[])[];
  /** Refuses keys that no single step can reach together. */
  checkTogether(keys: readonly string[]): void;
  scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage>;
  /** Resolves when every server answers. */
  ping(call: DriverCall): Promise<void>;
}

type Taken = RedisConnection | Promise<RedisConnection>;

/** Sends on a connection that is there, or on the one that is being made; rejects with nothing sent when there is none. */
export function sendOver<A, T>(
  take: () => Taken,
  call: DriverCall,
  command: (client: Redis) => Promise<A>,
  read: (answer: A) => T,
): Promise<T> {
  try {
    const taken = take();
    return taken instanceof Promise ? sendLater(taken, call, command, read) : taken.send(command, read);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

async function sendLater<A, T>(
  taken: Promise<RedisConnection>,
  call: DriverCall,
  command: (client: Redis) => Promise<A>,
  read: (answer: A) => T,
): Promise<T> {
  const connection = await taken;
  call.signal.throwIfAborted();
  return connection.send(command, read);
}

const SCAN_COUNT = 500;
const SCAN_START = '0';

/** MATCH reads a glob; a prefix is meant literally. */
const asPattern = (prefix: string): string => `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;

/** One page of one server. */
export function scanCommand(
  prefix: string,
  cursor: string | undefined,
): (client: Redis) => Promise<DriverScanPage> {
  return async (client) => {
    const from = cursor ?? SCAN_START;
    const [next, keys] = await client.scan(from, 'MATCH', asPattern(prefix), 'COUNT', SCAN_COUNT);
    return { keys, next: next === SCAN_START ? undefined : next };
  };
}
