// What the examples of the documents take for granted: the providers, injected, and a small shop around them.
import type { BreakerProvider } from '@infra-kit/breaker';
import type { CacheProvider } from '@infra-kit/cache';
import type { CoordProvider } from '@infra-kit/coord';
import type { DbProvider } from '@infra-kit/db';
import type { EsProvider } from '@infra-kit/es';
import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type { MqProvider } from '@infra-kit/mq';
import type { OnceProvider } from '@infra-kit/once';
import type { OutboxProvider } from '@infra-kit/outbox';
import type { RateLimitProvider } from '@infra-kit/ratelimit';
import type { UidProvider } from '@infra-kit/uid';
import type { WorkerIdHarness } from '@infra-kit/uid/testing';
import type { ClientOptions, ChannelCredentials, Client } from '@grpc/grpc-js';
import type { GrpcOptions as NestGrpcOptions } from '@nestjs/microservices';
import type { Redis } from 'ioredis';

declare global {
  const breakers: BreakerProvider;
  const cache: CacheProvider;
  const coord: CoordProvider;
  const db: DbProvider;
  const es: EsProvider;
  const limits: RateLimitProvider;
  const mq: MqProvider;
  const outbox: OutboxProvider;
  const once: OnceProvider;
  const uid: UidProvider;

  class Order {
    id: string;
    userId: string;
    tenant: string;
    productId: string;
    product: Product;
    amount: number;
    day: string;
  }
  class Product {
    id: string;
    name: string;
    stock: number;
  }
  class Purchase {
    id: string;
    userId: string;
    product: Product;
  }
  class Account {
    id: string;
    balance: number;
  }
  class Audit {
    id: string;
    what: string;
  }
  class ProductRepository {
    find(id: string, signal?: AbortSignal): Promise<Product | null>;
    rename(id: string, name: string): Promise<void>;
  }
  class Mails<T> {
    send(about: T): Promise<void>;
  }
  class PaymentGateway {
    charge(order: string, cents: number): Promise<Payment>;
  }
  interface Payment {
    order: string;
    cents: number;
    status: 'PAID' | 'PENDING_PAYMENT';
  }
  type Receipt = { readonly number: string };
  type Report = { readonly text: string };

  class NewOrder {
    productId: string;
    quantity: number;
  }
  class VaultConfig {
    timeoutMs: number;
  }
  class DefaultVault implements ComponentProvider {
    constructor(connection: VaultConnection, setting: unknown);
    readonly name: string;
    get(key: string, options?: CallOptions): Promise<string | undefined>;
    health(): Promise<HealthReport>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
  }
  interface VaultConnection {
    end(): Promise<void>;
  }
  interface VaultDriver {
    get(key: string, signal: AbortSignal): Promise<string | undefined>;
  }
  type VaultOptions = Partial<VaultConfig>;
  function connect(config: VaultConfig): Promise<VaultConnection>;

  class AppModule {}
  const options: NestGrpcOptions['options'];
  class StockClient extends Client {
    constructor(address: string, credentials: ChannelCredentials, options?: ClientOptions);
  }

  const order: Order;
  const entry: Audit;
  const id: string;
  const day: string;
  const tomorrow: Date;
  const sku: string;
  const wanted: string;
  const playerId: string;
  const userText: string;
  const address: string;
  const env: string;
  const service: string;
  const body: string;
  const shutdown: AbortSignal;
  const message: { id: string };
  const invoices: {
    due(): Promise<{ id: string }[]>;
    send(invoice: { id: string }, fence: bigint): Promise<void>;
  };
  const printer: { print(id: string, options: { fence: bigint; signal: AbortSignal }): Promise<void> };
  const stockFeed: { of(sku: string, options: { signal: AbortSignal }): Promise<number> };
  function book(message: { id: string }): Promise<void>;
  function read(signal: AbortSignal): Promise<number>;
  function rows(): AsyncIterable<{ id: string }>;
  function it(name: string, run: () => Promise<void>): void;
  function openSource(): Promise<WorkerIdHarness>;
  const redis: Redis;
  const uuid: { v7(): string };
  function writeReports(options: { signal: AbortSignal; fence: bigint }): Promise<void>;
}
