import type { IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3';
import type { KeyRange, WatchListener, WatchSignal } from '../coord-driver.js';
import { tell } from '../watch-listener.js';
import { changesOf, rangeOf } from './etcd-codec.js';
import type { EtcdEndpoints } from './etcd-endpoints.js';
import { EtcdDriverError, etcdCodeOf, typed } from './etcd-errors.js';

type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>;

export interface EtcdWatchOrder {
  readonly range: KeyRange;
  readonly fromRevision: bigint;
  readonly listener: WatchListener;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * One watch over as many streams as it takes. etcd3's own dies silently on compaction, throws at a stream's listeners,
 * and waits up to 30 s before it tries again.
 */
export class EtcdWatch implements Disposable {
  readonly #endpoints: EtcdEndpoints;
  readonly #order: EtcdWatchOrder;
  readonly #ended: () => void;
  readonly #abort = new AbortController();
  #next: bigint;
  #attached = false;
  #toldInterruption = false;
  /** The token was renewed since the server last let us in. */
  #freshToken = false;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #stream: WatchStream | undefined;

  constructor(endpoints: EtcdEndpoints, order: EtcdWatchOrder, ended: () => void) {
    this.#endpoints = endpoints;
    this.#order = order;
    this.#ended = ended;
    this.#next = order.fromRevision;
    void this.#open();
  }

  get #over(): boolean {
    return this.#abort.signal.aborted;
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#ended();
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    let stream: WatchStream;
    try {
      stream = await this.#endpoints.call({ signal: this.#abort.signal, stream: true }, (client, options) =>
        client.watchClient.watch(options),
      );
    } catch (error) {
      return this.#broken(undefined, error);
    }
    // stays for the stream's whole life: one that is cancelled emits an error, too
    stream.on('error', (error) => this.#broken(stream, typed(error)));
    if (this.#over) return stream.cancel();
    this.#stream = stream;
    stream.on('end', () =>
      this.#broken(stream, new EtcdDriverError('UNAVAILABLE', 'the watch stream has ended')),
    );
    stream.on('data', (response) => this.#heard(stream, response));
    stream.write({
      create_request: {
        ...rangeOf(this.#order.range),
        start_revision: `${this.#next}`,
        progress_notify: true,
      },
    });
  }

  #heard(stream: WatchStream, response: IWatchResponse): void {
    if (this.#over || stream !== this.#stream) return;
    if (response.canceled) return this.#refused(stream, response);
    if (response.created) return this.#attach();
    for (const { revision, events } of changesOf(response.events)) {
      if (revision < this.#next) continue;
      this.#next = revision + 1n;
      this.#tell({ type: 'changes', revision, events });
      if (this.#over) return;
    }
    // a notice of progress: nothing of ours up to here, so that compaction does not overtake an idle watch
    const seen = BigInt(response.header.revision);
    if (response.events.length === 0 && seen >= this.#next) this.#next = seen + 1n;
  }

  #attach(): void {
    this.#endpoints.answered();
    this.#attached = true;
    this.#toldInterruption = false;
    this.#freshToken = false;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#tell({ type: 'attached' });
  }

  #refused(stream: WatchStream, { compact_revision, cancel_reason }: IWatchResponse): void {
    if (BigInt(compact_revision) > 0n)
      return this.#finish({ type: 'compacted', compactRevision: BigInt(compact_revision) });
    const error = typed(new Error(cancel_reason));
    if (etcdCodeOf(error) !== 'PERMISSION_DENIED') return this.#broken(stream, error);
    // also what etcd says of a token it knows no more, as after its restart
    if (this.#freshToken) return this.#finish({ type: 'failed', error });
    this.#freshToken = true;
    this.#endpoints.forgetToken();
    return this.#broken(stream, error);
  }

  #finish(signal: WatchSignal): void {
    this[Symbol.dispose]();
    tell(this.#order.listener, signal);
  }

  #broken(stream: WatchStream | undefined, error: unknown): void {
    if (this.#over || stream !== this.#stream) return;
    this.#stream = undefined;
    stream?.cancel();
    if (this.#attached) this.#endpoints.next();
    this.#attached = false;
    if (etcdCodeOf(error) === 'PERMISSION_DENIED' && stream === undefined)
      return this.#finish({ type: 'failed', error });
    if (!this.#toldInterruption) {
      this.#toldInterruption = true;
      this.#tell({ type: 'interrupted', error });
      if (this.#over) return;
    }
    const pauseMs = this.#pauseMs * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => void this.#open(), pauseMs);
    this.#timer.unref();
  }

  #tell(signal: WatchSignal): void {
    tell(this.#order.listener, signal);
  }
}
