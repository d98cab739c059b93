import type { AbstractHttpAdapter } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { InfraContext, InfraError, problemOf, TRACE_ID_HEADER } from '@infra-kit/kernel';

type FrameworkErrors = NonNullable<
  Extract<ConstructorParameters<typeof FastifyAdapter>[0], { frameworkErrors?: unknown }>['frameworkErrors']
>;

/** A malformed URL never reaches Nest's filters. */
const answerFrameworkError: FrameworkErrors = (error, request, reply) => {
  const { body } = InfraContext.run(InfraContext.extract(request.raw.headers), () => problemOf(error));
  reply.hijack();
  reply.raw.statusCode = body.status;
  reply.raw.setHeader('Content-Type', 'application/problem+json');
  if (body.traceId !== undefined) reply.raw.setHeader(TRACE_ID_HEADER, body.traceId);
  reply.raw.end(JSON.stringify(body));
};

export type AdapterChoice = 'express' | 'fastify' | AbstractHttpAdapter;

async function load<T>(library: string, loading: () => Promise<T>): Promise<T> {
  try {
    return await loading();
  } catch (cause) {
    const message = `createInfraApp: ${library} is not installed; npm install ${library}, or choose the other adapter`;
    throw new InfraError('FAILED_PRECONDITION', message, { component: 'infra-kit', cause });
  }
}

async function expressAdapter(): Promise<AbstractHttpAdapter> {
  const { ExpressAdapter } = await load('@nestjs/platform-express', () => import('@nestjs/platform-express'));
  return new ExpressAdapter();
}

async function fastifyAdapter(bodyLimit: number | undefined): Promise<AbstractHttpAdapter> {
  const { FastifyAdapter } = await load('@nestjs/platform-fastify', () => import('@nestjs/platform-fastify'));
  return new FastifyAdapter({
    ...(bodyLimit !== undefined && { bodyLimit }),
    frameworkErrors: answerFrameworkError,
  });
}

/** The HTTP adapter: made here by name, with the fitting library loaded, or the application's own. */
export function httpAdapterOf(
  choice: AdapterChoice,
  bodyLimit: number | undefined,
): Promise<AbstractHttpAdapter> {
  if (choice === 'express') return expressAdapter();
  if (choice === 'fastify') return fastifyAdapter(bodyLimit);
  if (typeof choice === 'object' && typeof Reflect.get(Object(choice), 'listen') === 'function')
    return Promise.resolve(choice);
  const message = `createInfraApp: adapter must be 'express', 'fastify' or an HTTP adapter, got ${JSON.stringify(choice)}`;
  return Promise.reject(new InfraError('INVALID_ARGUMENT', message, { component: 'infra-kit' }));
}
