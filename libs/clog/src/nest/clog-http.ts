import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { addRequestHook, Clock } from '@infra-kit/kernel';
import { ClogProvider } from '../clog.provider.js';
import { DefaultClogProvider } from '../default-clog.provider.js';

/** Joins the log component to the HTTP side of an application, when it has one. */
@Injectable()
export class ClogHttp implements OnModuleInit {
  constructor(
    @Inject(ClogProvider) private readonly clog: ClogProvider,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(ApplicationConfig) private readonly nest: ApplicationConfig,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    const { clog, clock, nest } = this;
    const adapter = this.host.httpAdapter;
    if (!adapter || !(clog instanceof DefaultClogProvider)) return;
    const { RequestLog } = await import('./request-log.js');
    const log = new RequestLog({
      pino: clog.native,
      lineOf: (fields) => clog.requestLine(fields),
      clock,
      nest,
      settings: () => clog.config.http,
      isEnabled: (level, namespace) => clog.root.namespace(namespace).isLevelEnabled(level),
    });
    addRequestHook(adapter, log.hook);
  }
}
