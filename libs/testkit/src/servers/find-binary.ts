import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of an executable, on PATH first, then in `folders`; undefined when this machine has none. */
export function findBinary(name: string, folders: readonly string[]): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...folders]
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Where package managers put executables that a bare PATH may lack. */
export const USUAL_FOLDERS: readonly string[] = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
