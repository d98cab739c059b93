import { AsyncLocalStorage } from 'node:async_hooks';
import { ResourceStack } from './resource-stack.js';

const making = new AsyncLocalStorage<ResourceStack[]>();

/** The stack of an application; known to `closeOnFailure` while the application is being made. */
export function openApplicationStack(): ResourceStack {
  const stack = new ResourceStack();
  making.getStore()?.push(stack);
  return stack;
}

/**
 * Runs the making of an application. When it fails, wherever that was, what it had opened is closed before the error
 * comes out: Nest gives nobody else the chance, since there is no application yet.
 */
export async function closeOnFailure<T>(make: () => Promise<T>): Promise<T> {
  const stacks: ResourceStack[] = [];
  try {
    return await making.run(stacks, make);
  } catch (error) {
    for (const stack of stacks) await stack.close();
    throw error;
  }
}
