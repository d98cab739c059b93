import { ContextIdFactory, MetadataScanner, type ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { InjectionToken, OnApplicationBootstrap } from '@nestjs/common';
import { DEFAULT_INSTANCE, envText, type AppIdentity } from '@infra-kit/kernel';
import { isObservable, lastValueFrom } from 'rxjs';
import { mqError, mqPlace } from '../mq.errors.js';
import type { MqProvider } from '../mq.provider.js';
import { usesOf, type SubscribeUse } from './subscribe.decorator.js';

/** As much of Nest's wrapper around a provider or controller as is needed here. */
interface Wrapper {
  readonly token: InjectionToken;
  readonly instance: unknown;
  readonly name: unknown;
  isDependencyTreeStatic(): boolean;
}

interface Found {
  readonly wrapper: Wrapper;
  readonly isController: boolean;
  readonly method: string;
  readonly use: SubscribeUse;
}

export interface ExplorerParts {
  readonly mq: MqProvider;
  readonly modules: ModulesContainer;
  readonly moduleRef: ModuleRef;
  readonly identity: AppIdentity | undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Finds what `@Subscribe` stands on, and subscribes it when every module is ready. */
export class SubscriptionExplorer implements OnApplicationBootstrap {
  readonly #parts: ExplorerParts;

  constructor(parts: ExplorerParts) {
    this.#parts = parts;
  }

  /** A subscription that cannot be made fails the start. */
  async onApplicationBootstrap(): Promise<void> {
    const { mq } = this.#parts;
    const mine = this.#found().filter(({ use }) => (use.options.mq ?? DEFAULT_INSTANCE) === mq.name);
    await Promise.all(mine.map((found) => this.#subscribe(found)));
  }

  #found(): Found[] {
    const scanner = new MetadataScanner();
    const seen = new Set<unknown>();
    return [...this.#parts.modules.values()].flatMap((module) =>
      [...module.providers.values(), ...module.controllers.values()].flatMap((each) => {
        const wrapper: Wrapper = each;
        const prototype = prototypeOf(each);
        if (prototype === undefined || seen.has(wrapper.instance ?? wrapper)) return [];
        seen.add(wrapper.instance ?? wrapper);
        const isController = module.controllers.has(each.token);
        return scanner.getAllMethodNames(prototype).flatMap((method) => {
          const value: unknown = Reflect.get(prototype, method);
          const uses = typeof value === 'function' ? usesOf(value) : [];
          return uses.map((use) => ({ wrapper, isController, method, use }));
        });
      }),
    );
  }

  async #subscribe({ wrapper, isController, method, use }: Found): Promise<void> {
    const { mq, identity } = this.#parts;
    const { mq: _name, batch, group, ...options } = use.options;
    const where = `${String(wrapper.name)}.${method}`;
    if (isController && !wrapper.isDependencyTreeStatic())
      throw mqError(
        mqPlace(mq.name),
        'FAILED_PRECONDITION',
        `@Subscribe on ${where}: a request-scoped controller handles no messages; put the method on a provider`,
      );
    const handler = async (...args: unknown[]): Promise<void> => {
      const self = await this.#instanceOf(wrapper);
      const run: unknown = Reflect.get(self, method);
      if (typeof run !== 'function') throw new TypeError(`${where} is no method`);
      const answer: unknown = Reflect.apply(run, self, args);
      await (isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer);
    };
    const settled = {
      ...options,
      group: group ?? identity?.service ?? envText('INFRA_SERVICE') ?? 'service',
    };
    if (batch === true) await mq.subscribeBatch(use.topics, handler, settled);
    else await mq.subscribe(use.topics, handler, settled);
  }

  async #instanceOf(wrapper: Wrapper): Promise<object> {
    if (wrapper.isDependencyTreeStatic() && isObject(wrapper.instance)) return wrapper.instance;
    const token = wrapper.token as symbol;
    return this.#parts.moduleRef.resolve<object>(token, ContextIdFactory.create(), { strict: false });
  }
}

/** Of classes that Nest makes, their prototype; of values and what factories made, the object's own. */
function prototypeOf(wrapper: {
  readonly metatype: unknown;
  readonly instance: unknown;
  readonly isNotMetatype: boolean;
}): object | undefined {
  if (wrapper.isNotMetatype)
    return isObject(wrapper.instance) ? (Object.getPrototypeOf(wrapper.instance) as object) : undefined;
  const { metatype } = wrapper;
  return typeof metatype === 'function' && isObject(metatype.prototype) ? metatype.prototype : undefined;
}
