import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { injectedProvider, injectProvider } from '@infra-kit/kernel';
import { Observable } from 'rxjs';
import { OnceProvider } from '../once.provider.js';
import { DECIDED, decidedContexts, edgeCalls } from './edge.js';
import { atEdge, type EdgeParts } from './idempotent-edge.js';
import { useOf } from './uses.js';

/**
 * Outermost of all interceptors, for every handler with `@Idempotent`: what it keeps is what the application's own
 * interceptors have made of a handler's value, and a replay passes them by.
 */
export class IdempotencyInterceptor implements NestInterceptor {
  readonly #parts: EdgeParts;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const use = useOf(context.getHandler());
    if (use === undefined || decidedContexts.has(context)) return next.handle();
    decidedContexts.add(context);
    return atEdge(this.#parts, use, context, next);
  }
}

/**
 * Innermost around a decorated handler: lets the handler's own wrapper stand aside. Where global interceptors are not
 * asked (microservices of a hybrid application) it decides itself.
 */
@Injectable()
export class IdempotencyEdgeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const admitted = new Observable<unknown>((subscriber) =>
      edgeCalls.admit(context.getHandler(), new Set([DECIDED]), () => next.handle().subscribe(subscriber)),
    );
    const use = useOf(context.getHandler());
    if (use === undefined || decidedContexts.has(context)) return admitted;
    decidedContexts.add(context);
    const provider = injectedProvider<OnceProvider>(this, OnceProvider, '@Idempotent');
    const instanceOf = (): unknown => context.getClass().prototype;
    return atEdge({ provider, host: undefined, instanceOf }, use, context, { handle: () => admitted });
  }
}

injectProvider(IdempotencyEdgeInterceptor.prototype, OnceProvider);
