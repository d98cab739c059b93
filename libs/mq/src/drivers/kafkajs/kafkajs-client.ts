import kafkajs, {
  CompressionTypes,
  Kafka,
  logLevel,
  type KafkaConfig,
  type LogEntry,
  type SASLOptions,
} from 'kafkajs';
import { kafkajsCodec } from '../../compression/kafkajs-codec.js';
import type { KafkaOptions } from '../kafka-options.js';

const { CompressionCodecs } = kafkajs; // Node finds only some names in this CommonJS package

const CODECS = [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
  [CompressionTypes.ZSTD, 'zstd'],
] as const;

/** First wait, longest wait and number of the client's own repeats of a request: some 5 s, so that a broker may restart. */
export const RETRY = { initialRetryTime: 100, maxRetryTime: 1000, multiplier: 2, retries: 8 };
/** For how many sessions. */
const CONSUMER_PATIENCE = 4;

/**
 * A consumer's: two minutes without brokers, for sessions of 30 s. A server that was away keeps the place in the group
 * for a session after it is back, and gives it to nobody else until then; after that the front begins anew.
 */
export function consumerRetry(sessionTimeoutMs: number): typeof RETRY {
  return { ...RETRY, retries: Math.ceil((CONSUMER_PATIENCE * sessionTimeoutMs) / RETRY.maxRetryTime) };
}

/** Whether brokers can be reached, as the client's own log tells: it has no event for it. */
export class Reachability {
  #trouble: unknown;

  get trouble(): unknown {
    return this.#trouble;
  }

  /** A server has answered. */
  fine(): void {
    this.#trouble = undefined;
  }

  note({ namespace, log }: LogEntry): void {
    if (/^(Connection|BrokerPool)$/.test(namespace) && /connect/i.test(log.message))
      this.#trouble = new Error(log.message);
  }
}

function saslOf(sasl: NonNullable<KafkaOptions['sasl']>): SASLOptions {
  const { mechanism, username, password } = sasl;
  return { mechanism, username, password } as SASLOptions;
}

function sslOf(tls: KafkaOptions['tls']): NonNullable<KafkaConfig['ssl']> {
  if (tls === undefined || typeof tls === 'boolean') return tls ?? false;
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

/** kafkajs has a table of codecs for the whole process, which throws for those it lacks: what the application put there stays. */
function completeCodecs(): void {
  for (const [type, name] of CODECS) {
    try {
      CompressionCodecs[type]();
    } catch {
      CompressionCodecs[type] = kafkajsCodec(name);
    }
  }
}

/** A client of kafkajs that prints nothing. */
export function kafkaOf(
  options: KafkaOptions,
  reach: Reachability,
  { requestTimeout, retry }: Required<Pick<KafkaConfig, 'requestTimeout' | 'retry'>>,
): Kafka {
  completeCodecs();
  return new Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ssl: sslOf(options.tls),
    ...(options.sasl !== undefined && { sasl: saslOf(options.sasl) }),
    connectionTimeout: options.connectTimeoutMs,
    requestTimeout,
    retry,
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) => reach.note(entry),
  });
}
