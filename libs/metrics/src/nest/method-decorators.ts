import { context, trace, type Attributes } from '@opentelemetry/api';
import { decorateMethod, isInfraError, type AsyncMethodDecorator, type MethodCall } from '@infra-kit/kernel';
import { defer, isObservable, Observable, tap } from 'rxjs';
import { recordFailure } from '../failure.js';
import { HTTP_BUCKETS } from '../metrics.config.js';
import { MetricsProvider } from '../metrics.provider.js';
import { METRICS_METRICS } from '../metrics.telemetry.js';
import { callerContext } from '../span-parent.js';

/** Told once how a call ended. */
type Ended = (error: unknown, failed: boolean) => void;
interface Around {
  readonly run: <T>(fn: () => T) => T;
  readonly ended: Ended;
}
/** Called as a call begins. */
type Begin = (call: MethodCall<MetricsProvider>, name: string) => Around;

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof Reflect.get(Object(value), 'then') === 'function';

/** An Observable counts from its subscription to its first error, its completion or its end by the subscriber. */
function stream(source: Observable<unknown>, { ended }: Around): Observable<unknown> {
  let told = false;
  const tell = (error: unknown, failed: boolean): void => {
    if (!told) ended(error, failed);
    told = true;
  };
  return source.pipe(
    tap({
      error: (error: unknown) => tell(error, true),
      complete: () => tell(undefined, false),
      unsubscribe: () => tell(undefined, false),
    }),
  );
}

/** Subscribes inside the call's context. */
function within(around: Around, source: () => Observable<unknown>): Observable<unknown> {
  return new Observable((subscriber) => around.run(() => stream(source(), around).subscribe(subscriber)));
}

function wrap(call: MethodCall<MetricsProvider>, begin: Begin, name: string): unknown {
  if (call.streams)
    return defer(() => within(begin(call, name), () => call.proceed() as Observable<unknown>));
  const around = begin(call, name);
  try {
    const answer = around.run(() => call.proceed());
    if (isObservable(answer)) return within(around, () => answer);
    if (isPromise(answer))
      return answer.then(
        (value) => {
          around.ended(undefined, false);
          return value;
        },
        (error: unknown) => {
          around.ended(error, true);
          throw error;
        },
      );
    around.ended(undefined, false);
    return answer;
  } catch (error) {
    around.ended(error, true);
    throw error;
  }
}

const methodOf = ({ self, key }: MethodCall<MetricsProvider>): string =>
  `${self.constructor.name}.${String(key)}`;

const outcomeOf = (error: unknown, failed: boolean): string => {
  if (!failed) return 'ok';
  return isInfraError(error) ? error.code : 'error';
};

const labelsOf = (call: MethodCall<MetricsProvider>, error: unknown, failed: boolean): Attributes => ({
  method: methodOf(call),
  outcome: outcomeOf(error, failed),
});

const traced: Begin = (call, name) => {
  const parent = callerContext();
  const span = call.provider.tracer().startSpan(name === '' ? methodOf(call) : name, {}, parent);
  return {
    run: (fn) => context.with(trace.setSpan(parent, span), fn),
    ended: (error, failed) => {
      if (failed) recordFailure(span, error);
      span.end();
    },
  };
};

const timed: Begin = (call, name) => {
  const startedAt = performance.now();
  const metric = name === '' ? METRICS_METRICS.methodDuration : name;
  return {
    run: (fn) => fn(),
    ended: (error, failed) =>
      call.provider
        .histogram(metric, { unit: 's', description: 'Time of a call', buckets: HTTP_BUCKETS })
        .record((performance.now() - startedAt) / 1000, labelsOf(call, error, failed)),
  };
};

const counted: Begin = (call, name) => {
  const metric = name === '' ? METRICS_METRICS.methodCalls : name;
  return {
    run: (fn) => fn(),
    ended: (error, failed) =>
      call.provider
        .counter(metric, { unit: '{call}', description: 'Calls by outcome' })
        .add(1, labelsOf(call, error, failed)),
  };
};

const decorator = (named: string, begin: Begin, name = ''): MethodDecorator =>
  decorateMethod<MetricsProvider>({
    decorator: named,
    token: MetricsProvider,
    around: (call) => wrap(call, begin, name),
  });

/** A span around each call of a method that returns a promise or an Observable; default name `Class.method`. */
export function Traced(name?: string): AsyncMethodDecorator {
  return decorator('@Traced', traced, name);
}

/** A histogram of the seconds each call takes, by method and outcome; default `infra.method.duration`. Also on synchronous methods. */
export function Timed(metric?: string): MethodDecorator {
  return decorator('@Timed', timed, metric);
}

/** A counter of calls, by method and outcome, when they end; default `infra.method.calls`. Also on synchronous methods. */
export function Counted(metric?: string): MethodDecorator {
  return decorator('@Counted', counted, metric);
}
