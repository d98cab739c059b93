import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { isAlive, SERVERS, sweepLeftovers } from '@infra-kit/testkit';
import { familyOf } from '../src/process/family.js';
import { startRunner } from './runner.js';

describe('a PostgreSQL whose runner was killed', () => {
  it('outlives it, and is ended by the next sweep with the backends of its sessions', async () => {
    const runner = await startRunner('postgres');
    const client = new pg.Client({
      connectionString: SERVERS.postgres.url('127.0.0.1', runner.server.port),
    });
    client.on('error', () => {});
    await client.connect();
    const family = familyOf([runner.server.pid]);
    await runner.kill('SIGKILL');
    expect(family.filter(isAlive).length).toBeGreaterThan(1);
    await sweepLeftovers();
    expect(family.filter(isAlive)).toEqual([]);
    await client.end().catch(() => {});
  });
});
