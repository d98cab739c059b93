import { describe, expect, it } from '@jest/globals';
import { createCoord, type CoordOptions } from '@infra-kit/coord';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { PEM, tlsDoor } from './fixtures/tls-door.js';

const DIAL_MS = 3000;
const start = (options: CoordOptions) =>
  createCoord({ driver: 'etcd', dialTimeoutMs: DIAL_MS, ...options }, { env: 'test' });

/** What the start was refused with, and whether in time. */
async function refusal(options: CoordOptions): Promise<unknown> {
  const began = performance.now();
  const outcome = await start(options).catch((error: unknown) => error);
  expect(performance.now() - began).toBeLessThan(DIAL_MS + 1000);
  return outcome;
}

const mismatch = (sentence: RegExp): unknown =>
  expect.objectContaining({ code: 'FAILED_PRECONDITION', message: expect.stringMatching(sentence) });

describe('etcd behind TLS', () => {
  it('is used when its authority is trusted, locks and watches included', async () => {
    await using door = await tlsDoor(sharedEtcd());
    const coord = await start({
      endpoints: [door.address],
      tls: { ca: PEM.ca },
      prefix: `/${uniqueName('tls')}`,
    });
    expect(await coord.locks.withLock('a', {}, async (lock) => lock.token)).toBeGreaterThan(0n);
    const first = await coord.locks.acquire('a');
    const second = coord.locks.acquire('a');
    await first.release();
    await (await second).release();
    await coord.close();
  });

  it('is used with a client certificate where the server wants one, and refused without', async () => {
    await using door = await tlsDoor(sharedEtcd(), { requestCert: true, ca: PEM.ca });
    const tls = { ca: PEM.ca, cert: PEM.clientCert, key: PEM.clientKey };
    const coord = await start({ endpoints: [`https://${door.address}`], tls });
    await coord.ping();
    await coord.close();
    expect(await refusal({ endpoints: [`https://${door.address}`], tls: { ca: PEM.ca } })).toEqual(
      mismatch(/certificate/),
    );
  });

  it('whose authority is not trusted: a sentence that says so', async () => {
    await using door = await tlsDoor(sharedEtcd());
    expect(await refusal({ endpoints: [`https://${door.address}`] })).toEqual(
      mismatch(/TLS failed.*certificate/),
    );
  });

  it('asked without TLS: a sentence that says so, also when there is a snapshot to start from', async () => {
    await using door = await tlsDoor(sharedEtcd());
    const endpoints = [door.address];
    expect(await refusal({ endpoints })).toEqual(mismatch(/it speaks TLS/));
    expect(await refusal({ endpoints, snapshotDir: '/nowhere' })).toEqual(mismatch(/it speaks TLS/));
  });

  it('asked by TLS where there is none: a sentence that says so', async () => {
    const { host, port } = sharedEtcd();
    expect(await refusal({ endpoints: [`https://${host}:${port}`] })).toEqual(mismatch(/does not speak TLS/));
  });
});
