import type { HttpServer } from '@nestjs/common';
import { NotFoundException } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import { InfraExceptionFilter, problemOf } from '@infra-kit/kernel';

/**
 * Puts the suite's filter where it is asked last: Nest asks global filters in reverse order of registration,
 * so the first of the list is the last resort, behind every filter of the application.
 */
export function installFilterLast(config: ApplicationConfig, filter: InfraExceptionFilter): void {
  config.getGlobalFilters().unshift(filter);
}

/**
 * Express answers a path outside the global prefix by itself, in HTML. A last middleware behind all routes
 * answers it as every other unknown path.
 */
export function answerUnknownPaths(adapter: HttpServer): void {
  if (adapter.getType() !== 'express') return;
  adapter.use((request: unknown, response: unknown) => {
    if (adapter.isHeadersSent?.(response)) return;
    const method: unknown = Reflect.get(Object(request), 'method');
    const url: unknown = Reflect.get(Object(request), 'originalUrl');
    const { body } = problemOf(new NotFoundException(`Cannot ${String(method)} ${String(url)}`));
    adapter.setHeader?.(response, 'Content-Type', 'application/problem+json');
    adapter.reply(response, JSON.stringify(body), body.status);
  });
}
