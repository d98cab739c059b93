import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { listens } from '../src/process/listening.js';

describe('who listens on a port', () => {
  it.each(['127.0.0.1', '::1'])(
    'is the process that does, on %s, and no longer when it has closed',
    async (host) => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      expect(listens([process.pid], port)).toBe(true);
      expect(listens([process.ppid], port)).toBe(process.platform !== 'linux');
      server.close();
      await once(server, 'close');
      expect(listens([process.pid], port)).toBe(process.platform !== 'linux');
    },
  );
});
