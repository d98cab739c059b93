import { parseArgs } from 'node:util';
import { startBeside } from '../start-beside.js';
import { reportOf } from './report.js';
import { runSaleDay } from './sale-day.js';
import { ShopClient } from './shop-client.js';

const USAGE = `npm run demo:traffic -- [--url http://localhost:3000] [--buyers 40] [--seed 1] [--articles p-102,p-100]
  --url       the shop, or several instances of it, with commas; without it one is started
  --buyers    how many come
  --seed      the same seed, the same orders; else the clock's
  --articles  what they are after, the first most of all; nobody else may buy these meanwhile`;

/** A whole number of at least 1. */
function count(name: string, text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${name} must be a whole number, got ${text}`);
  return number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      buyers: { type: 'string' },
      seed: { type: 'string' },
      articles: { type: 'string', default: 'p-102,p-100,p-101,p-103,p-104' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return void process.stdout.write(`${USAGE}\n`);
  const day = {
    seed: count('seed', values.seed, Date.now() % 1_000_000),
    buyers: count('buyers', values.buyers, 40),
    articles: values.articles.split(','),
  };
  const shop = await startBeside('main.js', values.url, { LOG_LEVEL: 'error', ...process.env, PORT: '0' });
  try {
    const urls = shop.url.split(',').map((url) => url.trim().replace(/\/$/, ''));
    process.stdout.write(`\n${day.buyers} buyers at ${urls.join(', ')}, seed ${day.seed}\n`);
    const { lines, broken } = reportOf(await runSaleDay(new ShopClient(urls), day));
    process.stdout.write(`${lines.join('\n')}\n`);
    for (const sentence of broken) process.stdout.write(`BROKEN: ${sentence}\n`);
    if (broken.length > 0) process.exitCode = 1;
  } finally {
    await shop.stop();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
