import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isConfigError } from '@infra-kit/kernel';
import { parseDbConfig } from '@infra-kit/db';

const place = { env: 'test', instance: 'default' };

function problems(options: unknown, env = 'test'): readonly string[] {
  try {
    parseDbConfig(options, { ...place, env });
    return [];
  } catch (error) {
    if (!isConfigError(error)) throw error;
    return error.problems;
  }
}

describe('the configuration of a database', () => {
  const before = process.env['DATABASE_URL'];
  beforeEach(() => {
    delete process.env['DATABASE_URL'];
  });
  afterEach(() => {
    if (before === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = before;
  });

  it('is embedded with a schema made at start in development and test', () => {
    expect(parseDbConfig({}, place)).toMatchObject({
      driver: 'embedded',
      embedded: 'postgres',
      autoMigrate: true,
      statementTimeoutMs: 30_000,
      slowQueryMs: 200,
      logParameters: false,
      pool: { min: 0, max: 10, acquireTimeoutMs: 5000 },
      connectRetry: { attempts: 1 },
    });
  });

  it('needs an address in production, and makes no schema there', () => {
    expect(problems({}, 'production').join()).toContain('DATABASE_URL');
    expect(parseDbConfig({ url: 'postgres://h/d' }, { ...place, env: 'production' })).toMatchObject({
      driver: 'postgresql',
      autoMigrate: false,
    });
  });

  it('takes the address from DATABASE_URL where the code passes none', () => {
    process.env['DATABASE_URL'] = 'postgresql://from-env/d';
    expect(parseDbConfig({}, place)).toMatchObject({ driver: 'postgresql', url: 'postgresql://from-env/d' });
    expect(parseDbConfig({ url: 'postgresql://code/d' }, place).url).toBe('postgresql://code/d');
    expect(parseDbConfig({ driver: 'embedded' }, place).url).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['no URL', { url: 'nonsense' }, 'url: not a URL'],
    ['another scheme', { url: 'mysql://h/d' }, 'url: its scheme'],
    ['no database', { url: 'postgres://h' }, 'url: it names no database'],
    ['a url beside embedded', { driver: 'embedded', url: 'postgres://h/d' }, 'url: driver'],
    ['a folder beside a server', { url: 'postgres://h/d', dataDir: 'x' }, 'dataDir: it belongs'],
    ['a bad replica', { url: 'postgres://h/d', replicas: ['x'] }, 'replicas[0]: not a URL'],
    ['0 shards', { sharding: { tables: { t: { key: 'k' } }, shards: 0 } }, 'shards must be 1 to 1024'],
    ['1,025 shards', { sharding: { tables: { t: { key: 'k' } }, shards: 1025 } }, 'shards must be 1 to 1024'],
    ['no sharded table', { sharding: { tables: {} } }, 'name at least one table'],
    ['an unknown field', { urll: 'x' }, 'urll: unknown field'],
    ['an empty pool', { pool: { max: 0 } }, 'pool.max'],
    ['one connection for autoMigrate', { pool: { max: 1 }, autoMigrate: true }, 'autoMigrate needs 2'],
    ['a driver there is not', { driver: 'sqlite' }, 'driver'],
    ['a password with a bare %', { url: 'postgres://u:100%!@h/d' }, 'write %25'],
    ['fewer connections than are kept', { pool: { min: 5, max: 2 } }, 'pool.min: must not be above'],
    ['an entity that is none', { entities: [5] }, 'entities[0]: must be a class'],
    ['entities that are no list', { entities: {} }, 'entities: must be a list'],
  ])('refuses %s, naming the field', (_what, options, named) => {
    expect(problems(options).join('\n')).toContain(named);
  });

  it('names every bad field at once and shows no password', () => {
    const found = problems({
      url: 'mysql://u:hunter2@h/d',
      pool: { max: -1 },
      slowQueryMs: 'soon',
    }).join('\n');
    for (const field of ['url', 'pool.max', 'slowQueryMs']) expect(found).toContain(field);
    expect(found).not.toContain('hunter2');
  });
});
