import type { DriverCall } from '../drivers/cache-driver.js';

/** A call under way: a link of its queue, and what the driver gets to know of it. */
export abstract class PendingCall implements DriverCall {
  before: PendingCall | undefined;
  after: PendingCall | undefined;
  endsAt = 0;
  done = false;
  #controller: AbortController | undefined;

  /** Made when somebody asks for it: most calls are answered before anyone does. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.done) this.#controller.abort();
    return this.#controller.signal;
  }

  /** The time is over. Called once, after `done` was set. */
  abstract expire(): void;

  /** For whoever has asked for the signal. */
  protected abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }
}

/**
 * Calls that all have the same time to live: the oldest ends first, so one timer serves them all. A timer and a
 * controller a call would cost a tenth of what a call to Redis takes.
 */
export class PendingCalls {
  readonly limitMs: number;
  #first: PendingCall | undefined;
  #last: PendingCall | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  add(call: PendingCall, now: number): void {
    call.endsAt = now + this.limitMs;
    call.before = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.after = call;
    this.#last = call;
    if (this.#timer === undefined) this.#timer = this.#arm(this.limitMs);
  }

  remove(call: PendingCall): void {
    call.done = true;
    if (call.before === undefined) this.#first = call.after;
    else call.before.after = call.after;
    if (call.after === undefined) this.#last = call.before;
    else call.after.before = call.before;
    call.before = undefined;
    call.after = undefined;
  }

  /** The connection keeps the process alive, not the clock beside it. */
  #arm(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.max(1, Math.ceil(ms))).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    while (this.#first !== undefined && this.#first.endsAt <= now) {
      const call = this.#first;
      this.remove(call);
      call.expire();
    }
    if (this.#first !== undefined) this.#timer = this.#arm(this.#first.endsAt - now);
  }
}
