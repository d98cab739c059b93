import { Transport, type ClientOptions } from '@elastic/elasticsearch';
import type { LazyModuleLoader } from '@nestjs/core';
import { ElasticsearchModule, ElasticsearchService } from '@nestjs/elasticsearch';
import type { EsConfig } from '../../es.config.js';
import { ElasticsearchDriver } from './elasticsearch.driver.js';

export interface ElasticsearchDriverOptions extends Pick<EsConfig, 'auth' | 'tls' | 'compression'> {
  readonly nodes: readonly string[];
  /** The instance's name. */
  readonly name: string;
}

/** Without the client's own spans: the front makes them. */
class UntracedTransport extends Transport {
  constructor(options: ConstructorParameters<typeof Transport>[0]) {
    super({ ...options, openTelemetry: { enabled: false } });
  }
}

/** The address without credentials, for eyes, and the credentials it held. */
function splitNode(node: string): { url: string; auth: ClientOptions['auth'] | undefined } {
  const url = new URL(node);
  const { username, password } = url;
  url.username = url.password = '';
  const auth =
    username === ''
      ? undefined
      : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  return { url: url.href, auth };
}

function authOf({ auth }: ElasticsearchDriverOptions): ClientOptions['auth'] | undefined {
  if (auth?.apiKey !== undefined) return { apiKey: auth.apiKey };
  const { username, password } = auth ?? {};
  return username === undefined || password === undefined ? undefined : { username, password };
}

function clientOptions(options: ElasticsearchDriverOptions): { client: ClientOptions; nodes: string[] } {
  const places = options.nodes.map(splitNode);
  const auth = authOf(options) ?? places.find((place) => place.auth !== undefined)?.auth;
  const { ca, cert, key } = options.tls ?? {};
  const tls = Object.fromEntries(
    Object.entries({ ca, cert, key }).filter(([, value]) => value !== undefined),
  );
  const nodes = places.map(({ url }) => url);
  const client: ClientOptions = {
    nodes,
    name: `infra-kit-${options.name}`,
    compression: options.compression,
    // limits, retries and spans are the front's, one kind for all
    maxRetries: 0,
    Transport: UntracedTransport,
    redaction: { type: 'remove' },
    ...(auth && { auth }),
    ...(options.tls && { tls }),
  };
  return { client, nodes };
}

/**
 * A driver for Elasticsearch. It connects when it is first used. Inside Nest, with `modules`, its client is the provider of
 * an `ElasticsearchModule` of the application.
 */
export async function elasticsearchDriver(
  options: ElasticsearchDriverOptions,
  modules?: LazyModuleLoader,
): Promise<ElasticsearchDriver> {
  const { client, nodes } = clientOptions(options);
  if (modules === undefined) return new ElasticsearchDriver(new ElasticsearchService(client), { nodes });
  const module = await modules.load(() => ElasticsearchModule.register(client), { logger: false });
  return new ElasticsearchDriver(module.get(ElasticsearchService), { nodes });
}
