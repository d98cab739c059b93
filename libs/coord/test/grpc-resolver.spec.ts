import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { createCoord, type CoordProvider, type Registration } from '@infra-kit/coord';
import { registerInfraResolver } from '@infra-kit/coord/grpc';
import { eventually } from '@infra-kit/kernel/testing';

const text = { encode: (value: string) => Buffer.from(value), decode: (bytes: Buffer) => bytes.toString() };
const WHO = '/test.Who/Who';

/** A real gRPC server whose one method answers who it is. */
async function whoServer(name: string): Promise<{ readonly server: Server; readonly address: string }> {
  const server = new Server();
  const who: handleUnaryCall<string, string> = (_call, answer) => answer(null, name);
  const method = {
    path: WHO,
    requestStream: false,
    responseStream: false,
    requestSerialize: text.encode,
    requestDeserialize: text.decode,
    responseSerialize: text.encode,
    responseDeserialize: text.decode,
  };
  server.addService({ who: method }, { who });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { server, address: `127.0.0.1:${port}` };
}

function ask(client: Client): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 10_000 };
    client.makeUnaryRequest(WHO, text.encode, text.decode, 'who?', options, (error, answer) =>
      error === null ? resolve(answer ?? '') : reject(error),
    );
  });
}

describe('infra:///service as a target of @grpc/grpc-js', () => {
  let coord: CoordProvider;
  let servers: Record<'a' | 'b' | 'c', Awaited<ReturnType<typeof whoServer>>>;
  let client: Client;

  beforeAll(async () => {
    servers = { a: await whoServer('a'), b: await whoServer('b'), c: await whoServer('c') };
  });
  afterAll(() => {
    for (const { server } of Object.values(servers)) server.forceShutdown();
  });
  beforeEach(async () => {
    coord = await createCoord({}, { env: 'test' });
    registerInfraResolver(coord.registry);
    client = new Client('infra:///who', credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await coord.close();
  });

  const register = (id: keyof typeof servers): Promise<Registration> =>
    coord.registry.register({ service: 'who', id, address: servers[id].address });

  /** Who answers to that many calls, each name with its count. */
  async function answers(calls: number): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let n = 0; n < calls; n++) {
      const name = await ask(client);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  it('calls every instance in turn', async () => {
    await register('a');
    await register('b');
    await eventually(async () => expect(await answers(20)).toEqual({ a: 10, b: 10 }));
  });

  it('follows the registry while the channel is open', async () => {
    const a = await register('a');
    expect(await answers(4)).toEqual({ a: 4 });
    await register('c');
    await eventually(async () => expect(await answers(20)).toEqual({ a: 10, c: 10 }));
    await a.unregister();
    await eventually(async () => expect(await answers(20)).toEqual({ c: 20 }));
  });

  it('fails calls UNAVAILABLE while there is no instance, and serves when one comes', async () => {
    const refused: ServiceError = await ask(client).then(
      () => Promise.reject(new Error('it was answered')),
      (error: ServiceError) => error,
    );
    expect(refused.code).toBe(status.UNAVAILABLE);
    expect(refused.details).toContain('infra:///who: no instance takes calls');
    await register('b');
    await eventually(async () => expect(await ask(client)).toBe('b'));
  });

  it('leaves out instances of weight 0', async () => {
    await register('a');
    await coord.registry.register({ service: 'who', id: 'b', address: servers.b.address, weight: 0 });
    expect(await answers(6)).toEqual({ a: 6 });
  });

  it('keeps two registries of one process apart by scheme', async () => {
    await using other = await createCoord({}, { env: 'test' });
    registerInfraResolver(other.registry, { scheme: 'other' });
    await other.registry.register({ service: 'who', id: 'c', address: servers.c.address });
    await register('a');
    const second = new Client('other:///who', credentials.createInsecure());
    expect([await ask(client), await ask(second)]).toEqual(['a', 'c']);
    second.close();
    expect(() => registerInfraResolver(other.registry, { scheme: 'Not a scheme' })).toThrow(/scheme/);
  });
});
