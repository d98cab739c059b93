import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { createCoord } from '@infra-kit/coord';

describe('an endpoint at which another server than etcd answers', () => {
  it('is named as the mistake that it is', async () => {
    const other = new Server();
    const port = await new Promise<number>((resolve, reject) =>
      other.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    await expect(createCoord({ endpoints: `127.0.0.1:${port}` }, { env: 'test' })).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: expect.stringMatching(/not etcd.*endpoints/),
    });
    other.forceShutdown();
  });
});
