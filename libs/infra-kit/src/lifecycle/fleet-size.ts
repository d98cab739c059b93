import type { CoordProvider } from '@infra-kit/coord';
import { InfraContext, type Logger, type ResourceStack } from '@infra-kit/kernel';

export interface FleetSizeOptions {
  readonly coord: CoordProvider;
  readonly service: string;
  readonly stack: ResourceStack;
  readonly logger: Logger;
}

/** How many instances of the service coord believes to run: from one watch, until the application closes. 0: nobody knows. */
export function fleetSize({ coord, service, stack, logger }: FleetSizeOptions): () => number {
  let size = 0;
  const leaving = new AbortController();
  const follow = async (): Promise<void> => {
    try {
      for await (const instances of coord.registry.watch(service, { signal: leaving.signal }))
        size = instances.length;
    } catch (error) {
      size = 0;
      logger.warn('the number of instances is known no longer', { service, err: error });
    }
  };
  void InfraContext.detach(follow);
  stack.push({ name: 'number of instances', phase: 'intake', close: () => leaving.abort() });
  return () => size;
}
