import type { ModulesContainer } from '@nestjs/core';
import { addGatewayFilter, classesOf, InfraExceptionFilter } from '@infra-kit/kernel';

/** One for all applications of the process, because metadata of a class is shared by them: it holds no state. */
const GATEWAY_FILTER = new InfraExceptionFilter();

/** The suite's filter for every gateway, asked last. Must run before gateways are connected. */
export function installGatewayFilters(modules: ModulesContainer): void {
  for (const cls of classesOf(modules)) addGatewayFilter(cls, GATEWAY_FILTER);
}
