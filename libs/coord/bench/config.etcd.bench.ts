import { Etcd3 } from 'etcd3';
import { createCoord } from '@infra-kit/coord';
import { uniqueName } from '@infra-kit/testkit';
import { compare } from '@infra-kit/testkit/bench';

const endpoints = process.env['INFRA_TEST_ETCD_ENDPOINTS']?.split(',');
if (endpoints === undefined)
  throw new Error('INFRA_TEST_ETCD_ENDPOINTS is not set; run npm run bench -- coord');

const prefix = `/${uniqueName('bench')}`;
const client = new Etcd3({ hosts: endpoints });
const coord = await createCoord({ endpoints, prefix }, { env: 'test' });
const document = (n: number): string =>
  JSON.stringify({ n, limits: { perSecond: 100, burst: 20 }, on: ['a', 'b'], text: 'as services keep them' });

/** Puts documents one after another, each when the one before has been applied. */
class PutThenApplied {
  #n = 0;
  #applied: () => void = () => undefined;
  readonly #put: (text: string) => Promise<unknown>;

  constructor(put: (text: string) => Promise<unknown>) {
    this.#put = put;
  }

  seen(n: number): void {
    if (n === this.#n) this.#applied();
  }

  async run(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#applied = resolve;
    await this.#put(document(++this.#n));
    await promise;
  }
}

const numberOf = (raw: unknown): number => (raw as { n: number }).n;
const putTo =
  (key: string) =>
  async (text: string): Promise<unknown> =>
    client.put(`${prefix}/config-data/${key}`).value(text);

const bare = new PutThenApplied(putTo('bare'));
const watcher = await client.watch().key(`${prefix}/config-data/bare`).create();
watcher.on('put', ({ value }) => bare.seen(numberOf(JSON.parse(value.toString()))));

const bound = new PutThenApplied(putTo('bound'));
await putTo('bound')(document(0));
using _bound = await coord.config.bind('bound', { parse: numberOf, onChange: (n) => bound.seen(n) });

const watched = new PutThenApplied(putTo('watched'));
const watch = coord.config.watch('watched');
void (async () => {
  for await (const { value } of watch) watched.seen(numberOf(value));
})();

const front = new PutThenApplied((text) => coord.config.set('front', JSON.parse(text)));
await coord.config.set('front', JSON.parse(document(0)));
using _front = await coord.config.bind('front', { parse: numberOf, onChange: (n) => front.seen(n) });

await compare({
  title: 'configuration on etcd: a put until it is applied',
  baseline: { name: 'etcd3: put, watch and JSON.parse', run: () => bare.run() },
  subjects: [
    { name: 'config.bind', goal: '<= 1.2', run: () => bound.run() },
    { name: 'config.watch', goal: '<= 1.2', run: () => watched.run() },
    { name: 'config.set with its history, config.bind', run: () => front.run() },
  ],
  roundMs: 500,
});

await watch.return?.();
await watcher.cancel();
await client.delete().prefix(prefix);
await coord.close();
client.close();
