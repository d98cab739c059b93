import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dockerAnswers } from '../src/servers/docker-engine.js';

describe('a Docker engine', () => {
  const before = { ...process.env };
  let engine: Server;
  let status: number;

  beforeEach(async () => {
    status = 200;
    engine = createServer((request, response) => {
      response.writeHead(request.url === '/_ping' ? status : 404).end();
    }).listen(0, '127.0.0.1');
    await once(engine, 'listening');
    delete process.env.DOCKER_TLS_VERIFY;
    process.env.DOCKER_HOST = `tcp://127.0.0.1:${(engine.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    process.env = { ...before };
    engine.close();
  });

  it('is there when it answers a ping', async () => {
    expect(await dockerAnswers()).toBe(true);
  });

  it('is not there when it answers with an error', async () => {
    status = 500;
    expect(await dockerAnswers()).toBe(false);
  });

  it('is not there when nothing listens where DOCKER_HOST points', async () => {
    engine.close();
    expect(await dockerAnswers()).toBe(false);
    process.env.DOCKER_HOST = 'unix:///nowhere/docker.sock';
    expect(await dockerAnswers()).toBe(false);
  });
});
