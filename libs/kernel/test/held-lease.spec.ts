import { describe, expect, it } from '@jest/globals';
import { HeldLease, InfraContext, LockLostError, type LeaseTerms } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';

const TTL_MS = 900;

/** A clock on which time can pass while the process is stopped: no timer runs. */
class StoppableClock extends FakeClock {
  stoppedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.stoppedMs;
  }
}

interface Setup {
  readonly lease: HeldLease;
  readonly clock: StoppableClock;
  readonly renewals: { at: number; signal: AbortSignal; answer: PromiseWithResolvers<boolean> }[];
}

/** A lease whose renewals are answered by the test. */
function setUp(terms: Partial<LeaseTerms> = {}): Setup {
  const clock = new StoppableClock();
  const renewals: Setup['renewals'] = [];
  const lease = new HeldLease({
    clock,
    ttlMs: TTL_MS,
    sentAt: clock.monotonic(),
    renew: (signal) => {
      const answer = Promise.withResolvers<boolean>();
      signal.addEventListener('abort', () => answer.reject(signal.reason as Error));
      renewals.push({ at: clock.monotonic(), signal, answer });
      return answer.promise;
    },
    lost: (why, cause) => new LockLostError(why, { cause }),
    ...terms,
  });
  return { lease, clock, renewals };
}

const always = { renew: async () => true };

describe('a held lease', () => {
  it('renews itself every third of the ttl', async () => {
    const { clock, renewals } = setUp();
    for (const at of [300, 600, 900, 1200]) {
      await clock.advance(300);
      renewals.at(-1)?.answer.resolve(true);
      expect(renewals.at(-1)?.at).toBe(at);
    }
    expect(renewals).toHaveLength(4);
  });

  it('is lost at 0.9 of the ttl after the sending of the last acknowledged renewal, however late that was answered', async () => {
    const { lease, clock, renewals } = setUp();
    await clock.advance(300);
    await clock.advance(200);
    renewals[0]?.answer.resolve(true);
    await clock.advance(0);
    expect(lease.remainingMs()).toBeLessThanOrEqual(300 + TTL_MS * 0.9 - 500);
    let lostAt = Infinity;
    lease.signal.addEventListener('abort', () => (lostAt = clock.monotonic()));
    await clock.advance(TTL_MS);
    expect(lostAt).toBeLessThanOrEqual(300 + TTL_MS * 0.9);
    expect(lostAt).toBeGreaterThan(TTL_MS * 0.9);
    expect(lease.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('counts from the sending of the call that granted it', () => {
    const { lease } = setUp({ sentAt: -TTL_MS });
    expect(lease.lost).toBe(true);
  });

  it('knows at the first look after the process was stopped, before any timer has run', () => {
    for (const look of [
      (lease: HeldLease) => lease.remainingMs() <= 0,
      (lease: HeldLease) => lease.signal.aborted,
      (lease: HeldLease) => lease.lost,
    ]) {
      const { lease, clock } = setUp(always);
      const { signal } = lease;
      clock.stoppedMs = TTL_MS;
      expect(look(lease)).toBe(true);
      expect(signal.aborted).toBe(true);
      expect(lease.remainingMs()).toBeLessThanOrEqual(0);
    }
  });

  it('stays lost, although a renewal is acknowledged afterwards', async () => {
    const { lease, clock, renewals } = setUp({ renew: () => new Promise(() => undefined) });
    expect(renewals).toHaveLength(0);
    await clock.advance(TTL_MS);
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
    const late = setUp();
    await late.clock.advance(300);
    late.clock.stoppedMs = TTL_MS;
    expect(late.lease.lost).toBe(true);
    late.renewals[0]?.answer.resolve(true);
    await late.clock.advance(0);
    expect(late.lease.remainingMs()).toBeLessThanOrEqual(0);
    await late.clock.advance(TTL_MS * 2);
    expect(late.renewals).toHaveLength(1);
  });

  it('never lets renewals overlap, also while one does not answer', async () => {
    const { clock, renewals } = setUp({});
    await clock.advance(599);
    expect(renewals).toHaveLength(1);
    expect(renewals[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(renewals[0]?.signal.aborted).toBe(true);
    const deaf = setUp({ renew: () => new Promise(() => void (begun += 1)) });
    let begun = 0;
    await deaf.clock.advance(TTL_MS * 3);
    expect(begun).toBe(1);
    expect(deaf.lease.lost).toBe(true);
  });

  it('tries a renewal again that failed, and names the failure as the cause when it is lost', async () => {
    let attempts = 0;
    const down = new Error('down');
    const renew = async (): Promise<boolean> => {
      attempts++;
      if (attempts < 3 || attempts > 4) throw down;
      return true;
    };
    const { lease, clock } = setUp({ renew });
    await clock.advance(600);
    expect(attempts).toBe(3);
    expect(lease.remainingMs()).toBeGreaterThan(TTL_MS / 2);
    await clock.advance(TTL_MS * 3);
    expect(lease.signal.reason).toMatchObject({ cause: down, retryable: true });
  });

  it('is lost at once when the store says so', async () => {
    const { lease, clock } = setUp({ renew: async () => false });
    await clock.advance(300);
    expect(lease.signal.aborted).toBe(true);
    expect(lease.remainingMs()).toBeLessThanOrEqual(0);
    expect(clock.pending).toBe(0);
  });

  it('ends its renewals when it is stopped, the one under way too, and is not lost by that', async () => {
    const { lease, clock, renewals } = setUp();
    await clock.advance(300);
    lease.stop();
    lease.stop();
    expect(renewals[0]?.signal.aborted).toBe(true);
    await clock.advance(TTL_MS * 2);
    expect(renewals).toHaveLength(1);
    expect(lease.remainingMs()).toBe(0);
    expect(lease.lost).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('renews outside the context of whoever asked for it', async () => {
    let context: unknown = 'not renewed';
    const renew = async (): Promise<boolean> => {
      context = InfraContext.current();
      return true;
    };
    const { clock } = InfraContext.run({ timeoutMs: 1 }, () => setUp({ renew }));
    await clock.advance(300);
    expect(context).toBeUndefined();
  });

  it('is lost at once where its owner gives it up; one that is stopped stays as it is', async () => {
    const { lease, clock, renewals } = setUp();
    lease.lose('its owner closes');
    expect(lease.signal.reason).toMatchObject({ name: 'LockLostError', message: 'its owner closes' });
    expect(lease.remainingMs()).toBe(0);
    await clock.advance(TTL_MS);
    expect(renewals).toEqual([]);
    const stopped = setUp().lease;
    stopped.stop();
    stopped.lose('its owner closes');
    expect(stopped.signal.aborted).toBe(false);
  });
});
