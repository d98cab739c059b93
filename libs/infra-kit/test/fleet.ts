import {
  credentials,
  loadPackageDefinition,
  type Client,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

export interface Instance {
  readonly child: ChildProcess;
  readonly port: number;
  readonly grpcUrl: string;
  readonly logFile: string;
  readonly exit: Promise<number | null>;
}

export interface InstanceOptions {
  readonly logFile: string;
  readonly grpcUrl: string;
  readonly options: object;
  readonly hooks: boolean;
}

/** A process of the order service that listens. */
export async function startInstance(settings: InstanceOptions): Promise<Instance> {
  const fixture = join(import.meta.dirname, 'fixtures/order-service.mjs');
  const { NODE_OPTIONS: _unset, ...env } = process.env;
  const child = spawn(process.execPath, [fixture, JSON.stringify(settings)], { env });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const listening = Promise.withResolvers<number>();
  child.stdout.on('data', () => {
    const found = /^port (\d+)/m.exec(output)?.[1];
    if (found !== undefined) listening.resolve(Number(found));
  });
  const exit = once(child, 'exit').then(([code]) => {
    listening.reject(new Error(`ended with ${String(code)} before it listened: ${output}`));
    return code as number | null;
  });
  const port = await listening.promise;
  return { child, port, grpcUrl: settings.grpcUrl, logFile: settings.logFile, exit };
}

/** What was logged under `message`, by the order's id. */
export function logged(instances: readonly Instance[], message: string): Set<string> {
  const ids = new Set<string>();
  for (const { logFile } of instances)
    for (const line of existsSync(logFile) ? readFileSync(logFile, 'utf8').split('\n') : []) {
      if (line === '') continue;
      const { msg, order } = JSON.parse(line) as { msg: string; order?: string };
      if (msg === message && order !== undefined) ids.add(order);
    }
  return ids;
}

/** How a call ended: answered; refused before it was sent, everywhere; or failed, with what was said. */
export type Ended = 'answered' | 'refused' | { readonly failed: string };

function post(port: number, path: string): Promise<Ended> {
  return new Promise((resolve) => {
    const asking = request({ port, host: '127.0.0.1', path, method: 'POST', agent: false }, (response) => {
      response.resume();
      response.on('error', (error) => resolve({ failed: error.message }));
      response.on('end', () =>
        resolve(response.statusCode === 201 ? 'answered' : { failed: `status ${response.statusCode}` }),
      );
    });
    asking.on('error', (error) =>
      resolve(Reflect.get(error, 'code') === 'ECONNREFUSED' ? 'refused' : { failed: error.message }),
    );
    asking.end();
  });
}

/** Each request to the next instance; to another only when the connection was refused, before anything was sent. */
export function naiveBalancer(instances: readonly Instance[]): (path: string) => Promise<Ended> {
  let turn = 0;
  return async (path) => {
    for (let tries = 0; tries < instances.length; tries++) {
      const port = instances[turn++ % instances.length]?.port ?? 0;
      const ended = await post(port, path);
      if (ended !== 'refused') return ended;
    }
    return 'refused';
  };
}

type Do = (wish: object, options: object, answer: (error: ServiceError | null) => void) => unknown;

/** A gRPC client that turns from instance to instance, by its own load balancing. */
export function grpcBalancer(
  instances: readonly Instance[],
  proto: string,
): { readonly place: (id: string) => Promise<Ended>; readonly close: () => void } {
  const { Shop } = loadPackageDefinition(loadSync(proto))['shop'] as GrpcObject;
  const target = `ipv4:${instances.map(({ grpcUrl }) => grpcUrl).join(',')}`;
  const config = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
  const client: Client = new (Shop as ServiceClientConstructor)(target, credentials.createInsecure(), {
    'grpc.service_config': config,
  });
  const call = Reflect.get(client, 'Do') as { bind(self: Client): Do };
  return {
    place: (id) =>
      new Promise((resolve) => {
        const ended = (error: ServiceError | null): void => {
          if (error === null) resolve('answered');
          // nobody to send it to
          else if (/ECONNREFUSED/.test(error.details)) resolve('refused');
          else resolve({ failed: `${error.code} ${error.details}` });
        };
        call.bind(client)({ text: id }, { deadline: Date.now() + 60_000 }, ended);
      }),
    close: () => client.close(),
  };
}

export interface Load {
  readonly answered: Set<string>;
  readonly failed: { readonly id: string; readonly why: string }[];
  readonly stop: () => Promise<void>;
}

/** Callers that place one order after another until they are refused, or told to stop. */
export function load(name: string, callers: number, place: (id: string) => Promise<Ended>): Load {
  const answered = new Set<string>();
  const failed: { id: string; why: string }[] = [];
  let going = true;
  const call = async (caller: number): Promise<void> => {
    for (let n = 0; going; n++) {
      const id = `${name}-${caller}-${n}`;
      const ended = await place(id);
      if (ended === 'answered') answered.add(id);
      else if (ended === 'refused') return;
      else failed.push({ id, why: ended.failed });
    }
  };
  const calling = Array.from({ length: callers }, (_, caller) => call(caller));
  return {
    answered,
    failed,
    stop: async () => {
      going = false;
      await Promise.all(calling);
    },
  };
}
