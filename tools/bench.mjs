// npm run bench -- [component [filter]]: runs libs/<component>/bench/*.bench.ts, each in a process of its own, one
// after another. Benches named *.redis.bench.ts get a Redis of their own in INFRA_TEST_REDIS_URL (unless one is given),
// and so on for each kind of server.
//
//   npm run bench                      all components
//   npm run bench -- cache redis       those of libs/cache whose file name holds 'redis'
//   INFRA_BENCH_ROUNDS=15 INFRA_BENCH_ROUND_MS=200 npm run bench -- uid
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { acquire, SERVER_KINDS, SERVERS, sweepLeftovers } from '@infra-kit/testkit';

/** libs/cache/bench/get.redis.bench.ts → { file, component: 'cache', kinds: ['redis'] } */
function benchOf(file) {
  const parts = basename(file).split('.').slice(1, -2);
  return {
    file: file.replaceAll('\\', '/'),
    component: file.split(/[/\\]/)[1],
    kinds: parts.filter((part) => SERVER_KINDS.includes(part)),
  };
}

function chosen(benches, [component, filter]) {
  const components = [...new Set(benches.map((bench) => bench.component))].toSorted((a, b) =>
    a < b ? -1 : 1,
  );
  if (component !== undefined && !components.includes(component)) {
    console.error(`There is no bench of '${component}'. There are: ${components.join(', ') || 'none yet'}.`);
    process.exit(1);
  }
  const found = benches
    .filter((bench) => component === undefined || bench.component === component)
    .filter(({ file }) => filter === undefined || basename(file).includes(filter));
  if (found.length === 0) {
    console.error(
      filter === undefined
        ? 'There is no bench yet.'
        : `No bench of ${component} has '${filter}' in its name.`,
    );
    process.exit(1);
  }
  return found.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

let running;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    interrupted = true;
    running?.kill(signal);
  });

function runBench(file, env) {
  return new Promise((resolve, reject) => {
    const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
    const child = spawn(process.execPath, [...flags, file], {
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    running = child;
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function readReport(file) {
  try {
    return readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  } catch {
    return []; // no bench came as far as a result
  }
}

function summarise(results, broken) {
  const goals = results.flatMap(({ subjects }) => subjects).filter(({ goal }) => goal !== undefined);
  const met = goals.filter((subject) => subject.met).length;
  console.log(`\n${results.length} comparisons, ${met} of ${goals.length} goals met`);
  for (const file of broken) console.error(`did not finish: ${file}`);
}

process.chdir(join(import.meta.dirname, '..'));
const benches = chosen(globSync('{libs,apps}/*/bench/**/*.bench.ts').map(benchOf), process.argv.slice(2));
await sweepLeftovers();
const scratch = mkdtempSync(join(tmpdir(), 'infra-kit-bench-'));
const report = join(scratch, 'report.jsonl');
const servers = new Map();
const broken = [];
try {
  const kinds = [...new Set(benches.flatMap((bench) => bench.kinds))];
  await Promise.all(kinds.map(async (kind) => servers.set(kind, await acquire(kind))));
  const addresses = Object.fromEntries(
    [...servers].map(([kind, server]) => [SERVERS[kind].variable, server.url]),
  );
  for (const { file } of benches) {
    if (interrupted) break;
    console.log(`\n== ${file}`);
    if ((await runBench(file, { INFRA_BENCH_REPORT: report, ...addresses })) !== 0) broken.push(file);
  }
  summarise(readReport(report), broken);
  process.exitCode = broken.length > 0 || interrupted ? 1 : 0;
} finally {
  await Promise.all([...servers.values()].map((server) => server.stop()));
  rmSync(scratch, { recursive: true, force: true });
}
