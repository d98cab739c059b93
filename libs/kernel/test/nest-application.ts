import { Module, type DynamicModule, type INestApplicationContext, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

export type Imports = NonNullable<DynamicModule['imports']>;

/** An application context of these modules, in silence. */
export function start(imports: Imports, providers: Provider[] = []): Promise<INestApplicationContext> {
  @Module({ imports, providers })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
}

/** The error with which it does not start. */
export async function failure(imports: Imports, providers: Provider[] = []): Promise<Error> {
  try {
    await start(imports, providers);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it started');
}
