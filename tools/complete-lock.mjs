// Adds the platform packages (optionalDependencies) that the lockfile lacks, so that `npm ci` finds it in sync.
// Needed when the registry that resolved the lockfile did not carry some platform's binary.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = [
  'darwin',
  'linux',
  'win32',
  'freebsd',
  'android',
  'openharmony',
  'aix',
  'netbsd',
  'openbsd',
  'sunos',
];
const CPU = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el'];
const MUSL = ['musl', 'musleabihf'];
const GLIBC = ['gnu', 'gnueabihf'];

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));

function platformEntry(name, version, dev) {
  const parts = name.split(/[-/]/);
  const os = OS.find((candidate) => parts.includes(candidate));
  const cpu = CPU.find((candidate) => parts.includes(candidate));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = MUSL.some((m) => parts.includes(m))
    ? 'musl'
    : GLIBC.some((g) => parts.includes(g))
      ? 'glibc'
      : '';
  return {
    version,
    cpu: [cpu],
    ...(dev && { dev: true }),
    ...(libc && os === 'linux' && { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

let added = 0;
for (const [at, entry] of Object.entries({ ...lock.packages }))
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] ?? lock.packages[`${at}/node_modules/${name}`]) continue;
    const made = platformEntry(name, version, entry.dev);
    if (made === undefined) {
      console.warn(`${name}: wanted by ${at}, not in the lockfile and not a platform package`);
      continue;
    }
    lock.packages[`node_modules/${name}`] = made;
    added++;
  }
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform entries added`);
