import { accessSync, constants, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface Java {
  readonly major: number;
  /** The whole version, e.g. '25.0.3'. */
  readonly version: string;
  readonly home: string;
}

const FOLDERS = ['/usr/lib/jvm', '/opt', '/Library/Java/JavaVirtualMachines'];

function candidates(): readonly string[] {
  const inFolders = FOLDERS.flatMap((folder) => {
    try {
      return readdirSync(folder).map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => {
    try {
      return [dirname(dirname(realpathSync(join(folder, 'java'))))];
    } catch {
      return [];
    }
  });
  const named = [process.env.JAVA_HOME, process.env.ES_JAVA_HOME].filter((home) => home !== undefined);
  return [...named, ...onPath, ...inFolders, ...inFolders.map((home) => join(home, 'Contents', 'Home'))];
}

function javaAt(home: string): Java | undefined {
  try {
    accessSync(join(home, 'bin', 'java'), constants.X_OK);
    const version = /^JAVA_VERSION="?([\d.]+)/m.exec(readFileSync(join(home, 'release'), 'utf8'))?.[1];
    return version === undefined ? undefined : { major: Number(version.split('.')[0]), version, home };
  } catch {
    return undefined;
  }
}

/**
 * The newest Java of this machine that is at least `major`, by the file `release` in its home; of two alike the one
 * named by JAVA_HOME, ES_JAVA_HOME or PATH. Undefined when there is none.
 */
export function findJava(major: number): Java | undefined {
  return candidates()
    .flatMap((home) => javaAt(home) ?? [])
    .filter((java) => java.major >= major)
    .toSorted((a, b) => b.major - a.major)[0];
}
