import type { Etcd3 } from 'etcd3';
import { messageOf } from '@infra-kit/kernel';

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The token for user and password, asked for once and again when it has gone stale. etcd3's own way opens a further
 * connection each time, which it never closes and which, after an outage, may wait two minutes before it tries again.
 */
export class EtcdToken {
  readonly #credentials: Credentials | undefined;
  #asking: Promise<string | undefined> | undefined;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Undefined where none is needed. */
  get(client: Etcd3, deadline: number): Promise<string | undefined> {
    if (this.#credentials === undefined) return Promise.resolve(undefined);
    this.#asking ??= this.#ask(client, this.#credentials, deadline).catch((error: unknown) => {
      this.#asking = undefined;
      throw error;
    });
    return this.#asking;
  }

  /** The next call asks anew. `used` is the token that was refused: a newer one stays. */
  async forget(used: string | undefined): Promise<void> {
    const asking = this.#asking;
    const current = await asking?.catch(() => undefined);
    if (current === used && this.#asking === asking) this.#asking = undefined;
  }

  /** The next call asks anew. */
  forgetAny(): void {
    this.#asking = undefined;
  }

  async #ask(
    client: Etcd3,
    { username, password }: Credentials,
    deadline: number,
  ): Promise<string | undefined> {
    try {
      const { token } = await client.auth.authenticate({ name: username, password }, { deadline });
      return token;
    } catch (error) {
      // as etcd's own client does: a server without users lets everybody in
      if (messageOf(error).includes('etcdserver: authentication is not enabled')) return undefined;
      throw error;
    }
  }
}
