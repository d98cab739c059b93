import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { createEs, type EsOptions } from '@infra-kit/es';
import { sharedElasticsearch } from '@infra-kit/testkit';
import { FaultyHttp } from './fixtures/faulty-http.js';

const SECRET = 'geheim-4711';

describe('a secret of the configuration', () => {
  it('is sent to the cluster, and is in no error, report or description', async () => {
    const proxy = await FaultyHttp.start(sharedElasticsearch().url);
    const withUser = proxy.url.replace('http://', `http://user:${SECRET}@`);
    const ways: EsOptions[] = [
      { node: proxy.url, auth: { username: 'user', password: SECRET } },
      { node: proxy.url, auth: { apiKey: SECRET } },
      { node: withUser },
    ];
    for (const options of ways) {
      const es = await createEs({ ...options, maxRetries: 0, requestTimeoutMs: 5000 }, { env: 'test' });
      const errors: unknown[] = [];
      for (const fault of ['429', 'reset', 'pass'] as const) {
        proxy.plan = () => fault;
        errors.push(await es.get('nowhere', '1').catch((error: unknown) => error));
        errors.push(await es.health());
      }
      expect(proxy.authorization).toContain(
        options.auth?.apiKey === undefined ? 'Basic' : `ApiKey ${SECRET}`,
      );
      const basic = Buffer.from(`user:${SECRET}`).toString('base64');
      const all = errors.map((error) => inspect(error, { depth: 20, showHidden: true })).join('\n');
      expect(all).toContain('nowhere');
      expect(all).not.toContain(SECRET);
      expect(all).not.toContain(basic);
      await es.close();
    }
    await proxy.close();
  }, 60_000);
});
