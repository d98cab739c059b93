import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { handOver } from '../src/drivers/embedded/server-user.js';

const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

it('a folder is handed over although a running server removes files from it meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'db-hand-over-'));
  try {
    // listed and not there, as a file that was removed between listing and handing over
    await symlink(join(folder, 'gone'), join(folder, 'listed'));
    await writeFile(join(folder, 'here'), '');
    await expect(handOver(folder, me)).resolves.toBeUndefined();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('a folder that is not there cannot be handed over', async () => {
  await expect(handOver(join(tmpdir(), 'db-never-made'), me)).rejects.toMatchObject({ code: 'ENOENT' });
});
