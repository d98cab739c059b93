import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isConfigError } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import {
  createUid,
  defaultUidConfig,
  FixedWorkerIdSource,
  RandomWorkerIdSource,
  WorkerIdSource,
  type UidOptions,
  type WorkerIdLease,
} from '@infra-kit/uid';
import { leasedWorkerIds } from '@infra-kit/uid/testing';
import { RecordingLogger } from './fixtures/recording-logger.js';

const VARIABLES = ['SERVICE_NAME', 'INSTANCE_ID', 'MAX_INSTANCE_ID', 'INFRA_SERVICE'];

/** Notes what it was asked for. */
class AskedSource extends WorkerIdSource {
  readonly asked: unknown[] = [];
  override acquire(
    service: string,
    maxInstanceId: number,
    options?: { ttlMs?: number | undefined },
  ): Promise<WorkerIdLease> {
    this.asked.push([service, maxInstanceId, options?.ttlMs]);
    return new FixedWorkerIdSource(1).acquire();
  }
}

let saved: Record<string, string | undefined>;
beforeEach(() => {
  saved = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  for (const name of VARIABLES) delete process.env[name];
});
afterEach(() => {
  for (const [name, value] of Object.entries(saved))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
});

async function problemsOf(options: object): Promise<readonly string[]> {
  const error: unknown = await createUid(options as UidOptions, { clock: new FakeClock() }).then(
    async (uid) => uid.close(),
    (thrown: unknown) => thrown,
  );
  if (!isConfigError(error)) throw new Error(`accepted, or failed otherwise: ${String(error)}`);
  expect(error.code).toBe('INVALID_ARGUMENT');
  return error.problems;
}

describe('configuration', () => {
  it('has the defaults of the contract', () => {
    expect(Object.assign({}, defaultUidConfig('production'))).toEqual({
      serviceName: 'service',
      instanceId: 0,
      maxInstanceId: 1023,
      epochMs: Date.UTC(2020, 0, 1),
      maxRollbackMs: 10,
      highWaterAheadMs: 3000,
      leaseTtlMs: 15_000,
    });
  });

  it.each([
    ['instanceId', -1],
    ['instanceId', 1024],
    ['instanceId', 1.5],
    ['instanceId', 'seven'],
    ['maxInstanceId', 0],
    ['maxInstanceId', 1024],
    ['epochMs', Date.UTC(2026, 0, 1) + 1],
    ['epochMs', -1],
    ['maxRollbackMs', -1],
    ['highWaterAheadMs', 0],
    ['leaseTtlMs', 0],
    ['serviceName', ''],
    ['serviceName', 'a/b'],
    ['instanceID', 5],
  ])('refuses %s = %p, naming the field and quoting the value', async (field, value) => {
    const problems = await problemsOf({ [field]: value });
    expect(problems.join('\n')).toContain(field);
    if (field !== 'instanceID') expect(problems.join('\n')).toContain(`got ${JSON.stringify(value)}`);
  });

  it('refuses an instance id above maxInstanceId', async () => {
    expect(await problemsOf({ instanceId: 9, maxInstanceId: 8 })).toEqual([
      expect.stringContaining('instanceId'),
    ]);
  });

  it('names every bad field at once', async () => {
    expect(await problemsOf({ instanceId: 5000, maxRollbackMs: -1, extra: 1 })).toHaveLength(3);
  });

  it('reads durations with units', async () => {
    const source = new AskedSource();
    const text = { leaseTtlMs: '20s' } as unknown as UidOptions;
    await using uid = await createUid(text, { workerIdSource: source });
    expect(source.asked).toEqual([['service', 1023, 20_000]]);
    expect(uid.instanceId).toBe(1);
  });

  it('takes the environment where the code passes nothing', async () => {
    Object.assign(process.env, { SERVICE_NAME: 'orders', MAX_INSTANCE_ID: '64' });
    const source = new AskedSource();
    await using _first = await createUid({ serviceName: undefined }, { workerIdSource: source });
    await using _second = await createUid(
      { serviceName: 'stock', maxInstanceId: 7 },
      { workerIdSource: source },
    );
    expect(source.asked).toEqual([
      ['orders', 64, 15_000],
      ['stock', 7, 15_000],
    ]);
    process.env['INSTANCE_ID'] = '33';
    await using third = await createUid({}, { workerIdSource: source });
    await using fourth = await createUid({ instanceId: 34 });
    expect([third.instanceId, fourth.instanceId]).toEqual([33, 34]);
    expect(source.asked).toHaveLength(2);
  });

  it('quotes a variable that is no number, and names it', async () => {
    process.env['INSTANCE_ID'] = 'pod-3';
    const [problem] = await problemsOf({});
    expect(problem).toContain('INSTANCE_ID');
    expect(problem).toContain('pod-3');
  });
});

describe('an automatic instance id', () => {
  it('is leased where there is a source, in every environment', async () => {
    for (const env of ['development', 'production']) {
      const logger = new RecordingLogger();
      const clock = new FakeClock();
      await using uid = await createUid({}, { workerIdSource: leasedWorkerIds(clock), clock, env, logger });
      expect(uid.instanceId).toBe(1);
      expect(logger.messages('warn')).toEqual([]);
    }
  });

  it('is random in development without a source, with a warning', async () => {
    const logger = new RecordingLogger();
    const ids = new Set<number>();
    for (let i = 0; i < 50; i++) {
      await using uid = await createUid({ maxInstanceId: 1000 }, { env: 'development', logger });
      ids.add(uid.instanceId);
    }
    expect(ids.size).toBeGreaterThan(20);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...ids)).toBeLessThanOrEqual(1000);
    expect(logger.messages('warn')).toHaveLength(50);
    expect(logger.messages('warn')[0]).toContain('random');
  });

  it.each(['production', 'staging'])(
    'without a source the start fails in %s, saying what to set',
    async (env) => {
      await expect(createUid({}, { env })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/instanceId.*INSTANCE_ID.*coord/),
      });
      await using uid = await createUid({ instanceId: 5 }, { env });
      expect(uid.instanceId).toBe(5);
    },
  );

  it('may come from a fixed or random source by hand', async () => {
    await using fixed = await createUid(
      {},
      { workerIdSource: new FixedWorkerIdSource(77), env: 'production' },
    );
    await using random = await createUid(
      { maxInstanceId: 1 },
      { workerIdSource: new RandomWorkerIdSource(), env: 'production' },
    );
    expect([fixed.instanceId, random.instanceId]).toEqual([77, 1]);
    expect(random.snowflake()).toBeDefined();
  });

  it('is refused when a source gives one outside the range', async () => {
    const source = new FixedWorkerIdSource(900);
    await expect(createUid({ maxInstanceId: 899 }, { workerIdSource: source })).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });
});

describe('after close()', () => {
  it('every call is FAILED_PRECONDITION, close is idempotent and health is down', async () => {
    const uid = await createUid({ instanceId: 1 }, { name: 'orders' });
    expect(uid.name).toBe('orders');
    const id = uid.uuidv7();
    await Promise.all([uid.close(), uid.close(), uid[Symbol.asyncDispose]()]);
    const closed = expect.objectContaining({ code: 'FAILED_PRECONDITION', instance: 'orders' });
    expect(() => uid.uuidv7()).toThrow(closed);
    expect(() => uid.snowflake()).toThrow(closed);
    expect(() => uid.snowflakes(0)).toThrow(closed);
    expect(() => uid.parseSnowflake('1')).toThrow(closed);
    expect(() => uid.parseUuidV7(id)).toThrow(closed);
    expect(() => uid.isValidUuid(id)).toThrow(closed);
    expect(await uid.health()).toMatchObject({ status: 'down' });
    expect(uid.instanceId).toBe(1);
  });
});
