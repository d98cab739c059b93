import { Controller, Get, Inject, Res, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { SkipRateLimit } from '@infra-kit/ratelimit';
import { HealthPages, type HealthPage } from './health-pages.js';

/** Where @nestjs/swagger keeps that a controller is not to be shown; set without depending on it. */
const SWAGGER_EXCLUDE = 'swagger/apiExcludeController';

/**
 * The health routes: the path itself, `…/live`, `…/ready`. Never cached, in no API version, in no OpenAPI document, never rate limited.
 * A class of its own an application: its path is set when the configuration is known.
 */
export function healthController(): Type<object> {
  @Controller({ version: VERSION_NEUTRAL })
  class HealthController {
    constructor(
      @Inject(HealthPages) private readonly pages: HealthPages,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    @Get('live')
    async live(@Res({ passthrough: true }) response: unknown): Promise<HealthPage['body']> {
      return this.#answer(response, await this.pages.live());
    }

    @Get('ready')
    async ready(@Res({ passthrough: true }) response: unknown): Promise<HealthPage['body']> {
      return this.#answer(response, await this.pages.ready());
    }

    @Get()
    async full(@Res({ passthrough: true }) response: unknown): Promise<HealthPage['body']> {
      return this.#answer(response, await this.pages.full());
    }

    #answer(response: unknown, page: HealthPage): HealthPage['body'] {
      this.host.httpAdapter.status(response, page.status);
      this.host.httpAdapter.setHeader?.(response, 'Cache-Control', 'no-store');
      return page.body;
    }
  }
  Reflect.defineMetadata(SWAGGER_EXCLUDE, [true], HealthController);
  SkipRateLimit()(HealthController);
  return HealthController;
}

export function healthPaths(path: string): string[] {
  const bare = path.replace(/^\//, '');
  return [bare, `${bare}/live`, `${bare}/ready`];
}
