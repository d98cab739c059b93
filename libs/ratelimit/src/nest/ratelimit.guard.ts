import {
  Inject,
  Injectable,
  Optional,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { injectedProvider, injectProvider } from '@infra-kit/kernel';
import { DefaultRateLimitProvider } from '../default-ratelimit.provider.js';
import { RateLimitConfig, type RateLimitHeaders } from '../ratelimit.config.js';
import { RateLimitProvider, type RateLimitCheck } from '../ratelimit.provider.js';
import { edgeRecord, operationCharges } from './edge.js';
import { refusalFor } from './kafka-refusal.js';
import { checksOf, enter, exceeded, type Entered } from './limiter.js';
import { rateHeaders, retryAfterSeconds } from './rate-headers.js';
import { addressOf, isRawResponse, rawResponse, userKey } from './request-key.js';
import { TrustedProxies } from './trusted-proxies.js';
import { identityOf, isSkipped, usesOf, type RateLimitUse } from './uses.js';

const GUARDS_METADATA = '__guards__';
const PLAIN = new RateLimitConfig();

/**
 * Decides at the edge: HTTP, RPC, WebSocket, GraphQL. `@RateLimit` adds it to each handler; as APP_GUARD, or by
 * `@UseGuards(RateLimitGuard)`, it also guards handlers without a rule of their own by `defaultRule`. Subclass it to change
 * `keyOf`.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  @Optional()
  @Inject(ApplicationConfig)
  protected readonly application: ApplicationConfig | undefined;

  @Optional()
  @Inject(ModuleRef)
  protected readonly modules: ModuleRef | undefined;

  readonly #proxies = new WeakMap<RateLimitConfig, TrustedProxies>();
  readonly #instances = new WeakMap<Type<unknown>, unknown>();
  #told = false;

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const provider = injectedProvider<RateLimitProvider>(this, RateLimitProvider, 'RateLimitGuard');
    const { charged, permits } = edgeRecord(context);
    const settings = provider instanceof DefaultRateLimitProvider ? provider.settings : PLAIN;
    const uses = this.#uses(context, settings).filter((use) => !charged.has(identityOf(use)));
    const operation = context.getType<string>() === 'graphql' ? operationCharges() : undefined;
    for (const use of uses) {
      charged.add(identityOf(use));
      operation?.add(identityOf(use));
    }
    const checks = this.#checks(context, uses, settings);
    if (checks.length === 0) return true;
    if (settings.keyBy !== 'ip' && uses.some(({ key }) => key === undefined))
      this.#tellOnce(context, provider);
    const entered = await enter(provider, checks);
    permits.push(...entered.permits);
    answer(context, settings.headers, entered);
    if (!entered.allowed) throw await refusalFor(context, exceeded(provider, entered.decisions));
    return true;
  }

  /** Whom a request is counted for where a decorator has no `key`. */
  protected keyOf(context: ExecutionContext, settings: RateLimitConfig): string | readonly string[] {
    const { keyBy } = settings;
    if (typeof keyBy === 'function') return keyBy(context);
    return (keyBy === 'ip' ? undefined : userKey(context)) ?? addressOf(context, this.#proxiesOf(settings));
  }

  #uses(context: ExecutionContext, { defaultRule }: RateLimitConfig): RateLimitUse[] {
    const [cls, handler] = [context.getClass(), context.getHandler()];
    const uses = usesOf(cls, handler);
    const named = defaultRule !== undefined && !isSkipped(defaultRule, cls, handler);
    return uses.length === 0 && named ? [{ rule: defaultRule }] : uses;
  }

  #checks(
    context: ExecutionContext,
    uses: readonly RateLimitUse[],
    settings: RateLimitConfig,
  ): RateLimitCheck[] {
    const key = (): string | readonly string[] => this.keyOf(context, settings);
    const keyed = uses.map((use) => (use.key === undefined ? { ...use, key } : use));
    return checksOf(keyed, this.#instanceOf(context.getClass()), [context]);
  }

  /** `this` of key functions; a request-scoped class has no instance yet: its prototype stands in. */
  #instanceOf(cls: Type<unknown>): unknown {
    if (!this.#instances.has(cls)) this.#instances.set(cls, this.#find(cls) ?? cls.prototype);
    return this.#instances.get(cls);
  }

  #find(cls: Type<unknown>): unknown {
    try {
      return this.modules?.get<unknown>(cls, { strict: false });
    } catch {
      return undefined;
    }
  }

  /** Before the guards that authenticate, nobody is known: as APP_GUARD this guard comes first. */
  #tellOnce(context: ExecutionContext, provider: RateLimitProvider): void {
    if (this.#told || !(provider instanceof DefaultRateLimitProvider)) return;
    if (this.application?.getGlobalGuards().includes(this) !== true || userKey(context) !== undefined) return;
    const later = [context.getClass(), context.getHandler()].flatMap(
      (on) => (Reflect.getMetadata(GUARDS_METADATA, on) ?? []) as unknown[],
    );
    if (later.every((guard) => guard === RateLimitGuard)) return;
    this.#told = true;
    provider.logger.warn(
      'RateLimitGuard as APP_GUARD decides before the guards of classes and methods: no user is known yet, requests are counted by address',
      { handler: `${context.getClass().name}.${context.getHandler().name}` },
    );
  }

  #proxiesOf(settings: RateLimitConfig): TrustedProxies {
    let proxies = this.#proxies.get(settings);
    if (proxies === undefined)
      this.#proxies.set(settings, (proxies = new TrustedProxies(settings.trustProxy)));
    return proxies;
  }
}
/** Header fields on allowed and refused answers alike. */
function answer(context: ExecutionContext, style: RateLimitHeaders, entered: Entered): void {
  const response = rawResponse(context);
  if (!isRawResponse(response)) return;
  if (entered.permits.length > 0)
    response.once('close', () => {
      for (const permit of entered.permits) void permit.release();
    });
  if (response.headersSent) return;
  for (const [name, value] of rateHeaders(entered.shown, style)) response.setHeader(name, value);
  if (entered.allowed) return;
  const waits = entered.decisions.filter(({ allowed }) => !allowed).map(retryAfterSeconds);
  const known = waits.filter((wait) => wait !== undefined);
  if (known.length === waits.length) response.setHeader('Retry-After', String(Math.max(...known)));
}

injectProvider(RateLimitGuard.prototype, RateLimitProvider);
