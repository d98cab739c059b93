import type { AbstractHttpAdapter } from '@nestjs/core';
import { InfraError, problemOf } from '@infra-kit/kernel';

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
    // a malformed URL never reaches Nest's filters
    frameworkErrors: (error, _request, reply) => {
      const { body } = problemOf(error);
      void reply
        .status(body.status)
        .header('Content-Type', 'application/problem+json')
        .send(JSON.stringify(body));
    },
  });
}

/** The HTTP adapter: made here by name, with the fitting library loaded, or the application's own. */
export function httpAdapterOf(
  choice: AdapterChoice,
  bodyLimit: number | undefined,
): Promise<AbstractHttpAdapter> {
  if (choice === 'express') return expressAdapter();
  if (choice === 'fastify') return fastifyAdapter(bodyLimit);
  return Promise.resolve(choice);
}
