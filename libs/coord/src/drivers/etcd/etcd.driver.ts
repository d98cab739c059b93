import type { ILeaseKeepAliveResponse } from 'etcd3';
import { messageOf, withDeadline, type InfraErrorCode } from '@infra-kit/kernel';
import type {
  CoordDriver,
  DriverCall,
  DriverState,
  GrantedLease,
  KeyRange,
  RangeQuery,
  RangeResult,
  Txn,
  TxnResult,
  WatchListener,
} from '../coord-driver.js';
import { rangeRequest, rangeResult, txnRequest, txnResult } from './etcd-codec.js';
import { tlsMismatch } from './etcd-diagnosis.js';
import { EtcdEndpoints } from './etcd-endpoints.js';
import { EtcdDriverError, etcdCodeOf, looksAway, typed } from './etcd-errors.js';
import { hostOf, isSecure, type EtcdDriverOptions } from './etcd-options.js';
import { EtcdState } from './etcd-state.js';
import { EtcdWatch } from './etcd-watch.js';

const DEFAULT_DIAL_MS = 5000;
/** Of the dial timeout; the rest is for finding out why there was no answer. */
const ASKING = 0.8;
/** Asked for by a ping: needs the cluster's consent, and costs nothing. */
const PING = { key: Buffer.from('health'), count_only: true } as const;

/** etcd over etcd3's generated gRPC clients; its leases, watches, retries and breakers are not used. */
class EtcdCoordDriver implements CoordDriver {
  readonly kind = 'etcd';
  readonly #options: EtcdDriverOptions;
  readonly #endpoints: EtcdEndpoints;
  readonly #state: EtcdState;
  readonly #watches = new Set<EtcdWatch>();
  readonly #life = new AbortController();

  constructor(options: EtcdDriverOptions) {
    this.#options = options;
    this.#endpoints = new EtcdEndpoints(options, (error) => {
      if (error === undefined) this.#state.answered();
      else if (looksAway(error)) this.#state.suspect();
    });
    this.#state = new EtcdState(() => this.ping({ signal: this.#life.signal }));
  }

  get native(): unknown {
    return this.#endpoints.current;
  }

  get state(): DriverState {
    return this.#state.state;
  }

  async connect(): Promise<void> {
    const { dialTimeoutMs = DEFAULT_DIAL_MS, endpoints } = this.#options;
    const askMs = dialTimeoutMs * ASKING;
    try {
      await withDeadline(undefined, askMs, 'etcd.connect', (signal) => this.ping({ signal }));
    } catch (error) {
      if (!looksAway(error) && etcdCodeOf(error) !== undefined) throw error;
      throw await this.#unreachable(error, endpoints, dialTimeoutMs - askMs);
    }
  }

  onState(listener: (state: DriverState, reason: unknown) => void): Disposable {
    return this.#state.listen(listener);
  }

  describe(): Readonly<Record<string, unknown>> {
    const { endpoints } = this.#options;
    return {
      endpoints: endpoints.map((endpoint) => hostOf(endpoint)),
      tls: isSecure(this.#options),
      state: this.state,
      watches: this.#watches.size,
    };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return etcdCodeOf(error);
  }

  async close(): Promise<void> {
    this.#life.abort();
    this.#state.close();
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#endpoints.close();
  }

  async range(query: RangeQuery, { signal }: DriverCall): Promise<RangeResult> {
    return rangeResult(
      await this.#endpoints.call({ signal, repeatable: true }, (client, options) =>
        client.kv.range(rangeRequest(query), options),
      ),
    );
  }

  async txn(txn: Txn, { signal }: DriverCall): Promise<TxnResult> {
    return txnResult(
      await this.#endpoints.call({ signal }, (client, options) => client.kv.txn(txnRequest(txn), options)),
    );
  }

  async grant(ttlMs: number, { signal }: DriverCall): Promise<GrantedLease> {
    const { ID, TTL } = await this.#endpoints.call({ signal }, (client, options) =>
      client.leaseClient.leaseGrant({ TTL: Math.ceil(ttlMs / 1000) }, options),
    );
    return { id: ID, ttlMs: Number(TTL) * 1000 };
  }

  async keepAlive(lease: string, { signal }: DriverCall): Promise<number> {
    const { TTL } = await this.#endpoints.call({ signal, repeatable: true }, async (client, options) => {
      const stream = await client.leaseClient.leaseKeepAlive(options);
      return new Promise<ILeaseKeepAliveResponse>((resolve, reject) => {
        stream.on('error', (error) => reject(typed(error)));
        stream.on('end', () => reject(new EtcdDriverError('UNAVAILABLE', 'the keep-alive stream has ended')));
        stream.on('data', (response) => {
          resolve(response);
          stream.end();
        });
        stream.write({ ID: lease });
      });
    });
    if (Number(TTL) <= 0) throw new EtcdDriverError('NOT_FOUND', `there is no lease ${lease}`);
    return Number(TTL) * 1000;
  }

  async revoke(lease: string, { signal }: DriverCall): Promise<void> {
    await this.#endpoints.call({ signal }, (client, options) =>
      client.leaseClient.leaseRevoke({ ID: lease }, options),
    );
  }

  async ping({ signal }: DriverCall): Promise<void> {
    try {
      await this.#endpoints.call({ signal, repeatable: true }, (client, options) =>
        client.kv.range(PING, options),
      );
    } catch (error) {
      // an answer: the user is known, and has no right on this one key
      if (!/etcdserver: permission denied/.test(messageOf(error))) throw error;
    }
  }

  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable {
    if (this.#life.signal.aborted) return { [Symbol.dispose]: () => undefined };
    const watch = new EtcdWatch(this.#endpoints, { range, fromRevision, listener }, () =>
      this.#watches.delete(watch),
    );
    this.#watches.add(watch);
    return watch;
  }

  /** TLS that does not fit would not pass by itself; anything else may. */
  async #unreachable(error: unknown, endpoints: readonly string[], limitMs: number): Promise<Error> {
    const where = endpoints.map((endpoint) => hostOf(endpoint)).join(', ');
    const said = messageOf(error);
    const found = await Promise.all(
      endpoints.map((endpoint) => tlsMismatch(endpoint, this.#options, { limitMs: limitMs / 3, said })),
    );
    const mismatch = found.find((why) => why !== undefined);
    return mismatch === undefined
      ? new EtcdDriverError('UNAVAILABLE', `etcd at ${where} does not answer: ${said}`, error)
      : new EtcdDriverError('FAILED_PRECONDITION', `etcd at ${where}: ${mismatch}`, error);
  }
}

export function etcdDriver(options: EtcdDriverOptions): CoordDriver {
  return new EtcdCoordDriver(options);
}
