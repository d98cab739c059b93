import { isInfraError } from '@infra-kit/kernel';

/** The store is away or silent: the same call may succeed later. */
export function mayPass(error: unknown): boolean {
  return isInfraError(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
}
