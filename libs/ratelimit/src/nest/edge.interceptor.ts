import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { finalize, Observable } from 'rxjs';
import { edgeCalls, edgeRecord } from './edge.js';

/**
 * Innermost around a decorated handler: the guard has decided, so the handler's own wrapper stands aside. Slots the guard
 * took come free when the handler has ended.
 */
@Injectable()
export class RateLimitEdgeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { charged, permits } = edgeRecord(context);
    const handled = new Observable<unknown>((subscriber) =>
      edgeCalls.admit(context.getHandler(), charged, () => next.handle().subscribe(subscriber)),
    );
    if (permits.length === 0) return handled;
    return handled.pipe(
      finalize(() => {
        for (const permit of permits) void permit.release();
      }),
    );
  }
}
