import { injectProvider } from '@infra-kit/kernel';
import type { BatchSubscribeOptions, SubscribeOptions } from '../mq.messages.js';
import { getMqToken } from '../mq.tokens.js';

export interface SubscribeDecoratorOptions extends Omit<
  BatchSubscribeOptions,
  'group' | 'signal' | 'timeoutMs'
> {
  /** Default: the service's name. */
  readonly group?: SubscribeOptions['group'] | undefined;
  /** The method takes batches: see `subscribeBatch`. */
  readonly batch?: boolean | undefined;
  /** The instance's name; default: the mq without a name. */
  readonly mq?: string | undefined;
}

/** One `@Subscribe` on a method. */
export interface SubscribeUse {
  readonly topics: string | readonly string[];
  readonly options: SubscribeDecoratorOptions;
}

const USES = Symbol('infra-kit: uses of @Subscribe');

/**
 * The method handles messages of these topics, from the application's start to its drain: `(message, context)`, or
 * `(batch, context)`. It stands on methods of providers and controllers; of a request-scoped provider each message gets
 * an instance of its own. Without the mq's module the application does not start.
 */
export function Subscribe(
  topics: string | readonly string[],
  options: SubscribeDecoratorOptions = {},
): MethodDecorator {
  return (target: object, key: string | symbol, descriptor: PropertyDescriptor) => {
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function' || typeof target === 'function')
      throw new TypeError(`@Subscribe stands on methods of instances; ${String(key)} is none`);
    Reflect.defineMetadata(USES, [...usesOf(method), { topics, options }], method);
    injectProvider(target, getMqToken(options.mq));
  };
}

export function usesOf(method: object): readonly SubscribeUse[] {
  return (Reflect.getMetadata(USES, method) ?? []) as readonly SubscribeUse[];
}
