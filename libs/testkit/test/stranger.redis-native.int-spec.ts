import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { launchNatively, SERVERS, until } from '@infra-kit/testkit';

describe('a port that somebody took meanwhile', () => {
  it("is never taken for a server's own, though what listens there answers as the server would", async () => {
    const server = await launchNatively('redis');
    await server.kill();
    const flags = ['--port', String(server.port), '--bind', '127.0.0.1', '--save', ''];
    const stranger = spawn('redis-server', flags, { stdio: 'ignore' });
    const ended = once(stranger, 'exit');
    try {
      await until('the stranger answers', () => SERVERS.redis.isReady(server.url));
      await expect(server.restart()).rejects.toThrow('in use');
    } finally {
      stranger.kill();
      await ended;
    }
    await server.restart();
    await server.stop();
  });
});
