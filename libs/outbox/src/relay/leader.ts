import type { LockService } from '@infra-kit/kernel';

/** What of coord the outbox uses: coord is on its own layer, and hands itself in by this. */
export interface OutboxLocks {
  readonly locks: LockService;
}

/** What a relay may send now. */
export interface Turn {
  /** Undefined: every key. */
  readonly lanes: { readonly mine: readonly number[]; readonly of: number } | undefined;
}

/** Decides who sends: of one key one relay at a time. */
export interface Leader {
  /** Whether this relay sends; false while another does. */
  readonly leading: boolean;
  /** Runs `work` while this relay may send; undefined when there is nothing for it to send. */
  turn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined>;
  /** Gives up what it holds. It may be asked for a turn again. */
  release(): Promise<void>;
}

/** Where there is one process and one session, nobody else can send. */
export class OnlyLeader implements Leader {
  readonly leading = true;

  turn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined> {
    return work({ lanes: undefined });
  }

  async release(): Promise<void> {}
}
