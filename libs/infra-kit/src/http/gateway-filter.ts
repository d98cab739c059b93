import type { ModulesContainer } from '@nestjs/core';
import { InfraExceptionFilter } from '@infra-kit/kernel';

/** Metadata keys of @nestjs/websockets and of `@UseFilters`, read and written without depending on the package. */
const GATEWAY_METADATA = 'websockets:is_gateway';
const FILTERS_METADATA = '__exceptionFilters__';

/** One for all applications of the process, because metadata of a class is shared by them: it holds no state. */
const GATEWAY_FILTER = new InfraExceptionFilter();

/**
 * WebSocket gateways ignore global filters. Puts the suite's filter first in each gateway's own list, where it is
 * asked last: filters that the application put there win. Must run before gateways are connected.
 */
export function installGatewayFilters(modules: ModulesContainer): void {
  for (const module of modules.values())
    for (const { metatype } of module.providers.values()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY_METADATA, metatype)) continue;
      const present = (Reflect.getMetadata(FILTERS_METADATA, metatype) ?? []) as readonly unknown[];
      if (present.includes(GATEWAY_FILTER)) continue;
      Reflect.defineMetadata(FILTERS_METADATA, [GATEWAY_FILTER, ...present], metatype);
    }
}
