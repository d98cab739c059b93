import { Module, Scope } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ClogProvider } from '../clog.provider.js';
import { RequestPino } from './request-pino.js';

/** nestjs-pino's `PinoLogger` for classes that inject it: a module of its own, so that the library loads with it. */
@Module({
  providers: [
    {
      provide: PinoLogger,
      scope: Scope.TRANSIENT,
      inject: [ClogProvider],
      useFactory: (clog: ClogProvider) => new RequestPino(clog),
    },
  ],
  exports: [PinoLogger],
})
export class PinoLoggerModule {}
