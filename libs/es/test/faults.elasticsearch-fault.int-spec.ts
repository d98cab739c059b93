import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@elastic/elasticsearch';
import { createEs, type EsProvider } from '@infra-kit/es';
import { isInfraError } from '@infra-kit/kernel';
import { launchElasticsearch, until, type RunningServer } from '@infra-kit/testkit';

const START_MS = 240_000;
const TIMEOUT_MS = 2000;
/** A busy machine may wake late. */
const GRACE_MS = 3000;

interface Outcome {
  readonly code: string;
  readonly inTime: boolean;
}

async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  const started = performance.now();
  const code = await call.then(
    () => 'ok',
    (error: unknown) => (isInfraError(error) ? error.code : String(error)),
  );
  return { code, inTime: performance.now() - started < TIMEOUT_MS + GRACE_MS };
}

describe('an es whose cluster goes away', () => {
  let server: RunningServer;
  let es: EsProvider;

  beforeAll(async () => {
    server = await launchElasticsearch();
    es = await createEs({ node: server.url, requestTimeoutMs: 60_000 }, { env: 'test' });
    await es.index('notes', { text: 'kept' }, { id: '1', refresh: true });
  }, START_MS);
  afterAll(async () => {
    await es.close();
    await server.stop();
  }, START_MS);

  const calls = (): Promise<unknown>[] => {
    const options = { timeoutMs: TIMEOUT_MS };
    return [
      es.get('notes', '1', options),
      es.index('notes', { text: 'lost?' }, { id: '2', ...options }),
      es.delete('notes', '3', options),
      es.search('notes', { text: 'kept' }, options),
      es.iterate('notes', {}, options)[Symbol.asyncIterator]().next(),
      es.indices.list(undefined, options),
      es.ping(options),
    ];
  };
  const outcomes = (): Promise<Outcome[]> => Promise.all(calls().map(outcomeOf));

  it(
    'stopped: DEADLINE_EXCEEDED inside the deadline and health down; continued: it answers by itself',
    async () => {
      await server.pause();
      expect(new Set((await outcomes()).map((outcome) => JSON.stringify(outcome)))).toEqual(
        new Set([JSON.stringify({ code: 'DEADLINE_EXCEEDED', inTime: true })]),
      );
      expect(await es.health()).toMatchObject({ status: 'down' });
      await expect(es.get('notes', '1', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      const stop = new AbortController();
      const cancelled = es.get('notes', '1', { signal: stop.signal });
      stop.abort();
      await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
      await server.resume();
      const hit = await until('it answers again', () => es.get<{ text: string }>('notes', '1'), {
        deadlineMs: 60_000,
      });
      expect(hit.source.text).toBe('kept');
    },
    START_MS,
  );

  it(
    'control: the bare client waits for a stopped cluster as long as it is stopped',
    async () => {
      const client = new Client({ node: server.url });
      await server.pause();
      const answer = client.get({ index: 'notes', id: '1' });
      const first = await Promise.race([answer, outcomeOf(es.get('notes', '1', { timeoutMs: TIMEOUT_MS }))]);
      expect(first).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await server.resume();
      expect((await answer).found).toBe(true);
      await client.close();
    },
    START_MS,
  );

  it(
    'killed: UNAVAILABLE inside the deadline, with a writer that waits for it; restarted: both go on by themselves',
    async () => {
      const bulk = { flushIntervalMs: 50, retries: 100 };
      const patient = await createEs({ node: server.url, bulk, requestTimeoutMs: 5000 }, { env: 'test' });
      const writer = patient.writer<{ text: string }>('notes');
      await server.kill();
      expect(new Set((await outcomes()).map((outcome) => JSON.stringify(outcome)))).toEqual(
        new Set([JSON.stringify({ code: 'UNAVAILABLE', inTime: true })]),
      );
      expect(await es.health()).toMatchObject({ status: 'down' });
      await writer.add({ text: 'written while it was away' });
      await server.restart();
      const hit = await until('it answers again', () => es.get('notes', '1').catch(() => undefined), {
        deadlineMs: 120_000,
      });
      expect(hit.source).toEqual({ text: 'kept' });
      expect(await writer.close()).toMatchObject({ indexed: 1, failed: [] });
      await patient.close();
    },
    START_MS,
  );
});
