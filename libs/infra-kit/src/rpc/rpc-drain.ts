import { Server } from 'node:net';
import type { PreRequestHook } from '@nestjs/common';
import type { ResourceStack } from '@infra-kit/kernel';
import { defer, finalize } from 'rxjs';
import type { RpcServer, RpcServers } from './rpc-servers.js';

/** The server of @grpc/grpc-js inside Nest's. */
interface GrpcServer {
  tryShutdown(done: (error?: Error) => void): void;
  forceShutdown(): void;
}

/**
 * Lets handlers of microservices finish: in phase `intake` gRPC and TCP take no new connections, gRPC clients are told to
 * go elsewhere, a Kafka consumer stops; in phase `drain` what had begun is waited for, and cut after `drainMs`.
 */
export class RpcDrain {
  readonly #servers: RpcServers;
  #active = 0;
  #onIdle: (() => void) | undefined;
  #stopped: Promise<unknown> | undefined;

  constructor(servers: RpcServers, stack: ResourceStack, drainMs: number) {
    this.#servers = servers;
    stack.push({ name: 'rpc intake', phase: 'intake', close: () => this.#stopIntake() });
    // closed after the calls: the last pushed of a phase closes first
    stack.push({ name: 'rpc connections', phase: 'drain', close: () => this.#cut() });
    stack.push({ name: 'rpc calls', phase: 'drain', timeoutMs: drainMs, close: () => this.#drained() });
  }

  /** Counts what has begun and has not ended. Register it first. */
  readonly hook: PreRequestHook = (_execution, next) =>
    defer(() => {
      this.#active++;
      return next().pipe(finalize(() => this.#onEnd()));
    });

  #onEnd(): void {
    this.#active--;
    if (this.#active === 0) this.#onIdle?.();
  }

  #stopIntake(): void {
    this.#stopped = Promise.all(this.#servers.all.map((server) => stopIntake(server)));
    this.#stopped.catch(() => undefined); // told where it is waited for
  }

  async #drained(): Promise<void> {
    if (this.#active > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    await this.#stopped;
    // the answer of the last call is written in the turn after it has ended
    await new Promise((resolve) => setImmediate(resolve));
  }

  #cut(): void {
    for (const server of this.#servers.all) grpcOf(server)?.forceShutdown();
  }
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

function grpcOf(server: RpcServer): GrpcServer | undefined {
  const inner: unknown = Reflect.get(server, 'grpcClient');
  const fits = ['tryShutdown', 'forceShutdown'].every((name) => isFunction(Reflect.get(Object(inner), name)));
  return fits ? (inner as GrpcServer) : undefined;
}

async function stopIntake(server: RpcServer): Promise<void> {
  const grpc = grpcOf(server);
  if (grpc)
    return new Promise((resolve, reject) =>
      grpc.tryShutdown((error) => (error === undefined ? resolve() : reject(error))),
    );
  const native = unwrapped(server);
  if (native instanceof Server) return void native.close();
  const parts: readonly unknown[] = Array.isArray(native) ? native : [];
  for (const part of parts)
    if (isFunction(Reflect.get(Object(part), 'stop'))) await (part as { stop(): Promise<void> }).stop();
}

/** What is underneath; undefined for a server that has not started, or has nothing to show. */
function unwrapped(server: RpcServer): unknown {
  const unwrap: unknown = Reflect.get(server, 'unwrap');
  try {
    return typeof unwrap === 'function' ? Reflect.apply(unwrap, server, []) : undefined;
  } catch {
    return undefined;
  }
}
